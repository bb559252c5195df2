"""Portkey's gateway, from npm, on Node.

- It keeps no keys of its own: the provider, its address and its key come with every request.
- Its console is off.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import Asking, Place
from benchmarks.serving.environment import Environment, SetUpFailed
from benchmarks.serving.peer import Command

PACKAGE = "@portkey-ai/gateway@1.15.2"


class Portkey:
    """One process of Node."""

    name = "portkey"
    title = "Portkey (Node)"
    duties = "none of these"
    caches = False
    packages: Mapping[str, str] = {"@portkey-ai/gateway": "npm"}

    def install(self, cache: Path) -> Environment:
        """The package, beside which there is no Python."""
        folder = cache / "bench-gateway-portkey"
        if not (folder / "node_modules" / "@portkey-ai" / "gateway").is_dir():
            if shutil.which("npm") is None or shutil.which("node") is None:
                raise SetUpFailed("Portkey needs `node` and `npm`: run `apt-get install npm`.")
            folder.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise SetUpFailed(f"npm failed: {done.stderr.strip()[-300:]}")
        return Environment(python=folder / "node_modules" / ".bin" / "node")

    def prepare(self, place: Place) -> Asking:
        """Nothing to write: each request brings what it needs."""
        return Asking(
            headers={
                "authorization": "Bearer sk-upstream",
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": place.upstream,
            }
        )

    def command(self, place: Place) -> Command:
        """Its own start script."""
        modules = place.environment.bin.parent
        return Command(
            args=(
                shutil.which("node") or "node",
                str(modules / "@portkey-ai" / "gateway" / "build" / "start-server.js"),
                f"--port={place.port}",
                "--headless",
            ),
            env={"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"},
        )
