"""`seatrial deploy --target kubernetes`: a bundle through staging, its image, and to a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.registry.archive import pack
from tests.adapters import kubeconfig
from tests.adapters.api_server import ApiServer, ready, running

pytestmark = pytest.mark.integration

BUILD = "import sys; print(sys.argv[1], file=open('built', 'w'))"


def test_what_passes_staging_reaches_the_cluster(tmp_path: Path, bundles: Any) -> None:
    archive = tmp_path / "model.seatrial"
    pack(bundles.onnx(1.0), archive)
    config = tmp_path / "seatrial.yaml"
    build = json.dumps([sys.executable, "-c", BUILD, "$image"])
    config.write_text(f"kubernetes: {{image: registry.example/models, build: {build}}}\n")
    with running(ApiServer()) as server:
        server.react = ready(server)
        told = kubeconfig.write(tmp_path / "kubeconfig", server)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "seatrial", "deploy", str(archive)),
                *("--target", "kubernetes", "--home", str(tmp_path / "home")),
                *("--config", str(config), "--json"),
            ],
            env={**os.environ, "KUBECONFIG": str(told)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        (name,) = server.names("deployments")
        assert (said["name"], said["version"], said["state"]) == (name, 1, "ready")
        container = server.get("deployments", name)["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == f"registry.example/models/{name}:1"
        sizes = "staging used"
        folder = tmp_path / "home" / "releases" / name / "1"
        assert sizes in (folder / "kubernetes" / "deployment.yaml").read_text()
        assert (folder / "built").read_text().strip() == container["image"]
