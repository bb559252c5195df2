"""The compose file of a release: the container on one machine, bound to loopback."""

from __future__ import annotations

from seatrial.packaging.dockerfile import (
    PORT,
    USER_ID,
    check_timeout_s,
    healthcheck_command,
)
from seatrial.packaging.sizing import Resources
from seatrial.packaging.yaml_text import dump


def render(*, name: str, version: int, resources: Resources) -> str:
    """The text of ``compose.yaml``."""
    service = {
        "build": ".",
        "image": f"{name}:{version}",
        "init": True,
        "restart": "unless-stopped",
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "user": f"{USER_ID}:{USER_ID}",
        "read_only": True,
        "tmpfs": ["/tmp:size=64m,mode=1777"],  # noqa: S108  # inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{resources.memory_mib}m",
        "pids_limit": 256,
        "stop_grace_period": "30s",
        # The image states it too, but images in the OCI format cannot carry it.
        "healthcheck": {
            "test": ["CMD", *healthcheck_command(latency_s=resources.latency_s)],
            "interval": "10s",
            "timeout": f"{check_timeout_s(resources.latency_s)}s",
            "retries": 3,
            "start_period": f"{resources.start_s}s",
        },
    }
    return dump(
        {"name": name, "services": {"model": service}},
        comment=f"docker compose up --build\nMemory: {resources.why}.",
    )
