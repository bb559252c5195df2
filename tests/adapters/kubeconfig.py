"""A kubeconfig that leads to the double of an API server."""

from pathlib import Path

import yaml

from tests.adapters.api_server import TOKEN, ApiServer


def write(file: Path, server: ApiServer) -> Path:
    """Write it; its current context has the namespace that the server has."""
    context = {"cluster": "c", "user": "u", "namespace": "models"}
    file.write_text(
        yaml.safe_dump(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": context}],
                "clusters": [{"name": "c", "cluster": {"server": server.url}}],
                "users": [{"name": "u", "user": {"token": TOKEN}}],
            }
        )
    )
    return file
