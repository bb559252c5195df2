"""seatrial as a user runs it: ``seatrial deploy`` once, then ``seatrial up``, one worker.

- Nothing is tuned or turned off: validation, split, sketches and prediction log run at their
  defaults, and the supervisor and the controller share the worker's core.
- The forest is deployed with ``--engine native``: left alone, seatrial would serve it as ONNX.
- With a bundle at hand it can be served from that alone, the way its container does.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.server import ServerFailed
from benchmarks.serving.wire import INFERENCE_BINARY, INFERENCE_JSON, Wire

ROOT = Path(__file__).resolve().parents[3]
DEPLOY_LIMIT_S = 600
DEPLOY_FLAGS: Mapping[Model, tuple[str, ...]] = {
    Model.GBDT: (),
    Model.FOREST: ("--engine", "native"),
}


def _requirements() -> tuple[str, ...]:
    """What the project file asks for, so that the environment is remade when that changes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["sklearn"]
    return (*project["dependencies"], *extra, "--editable", str(ROOT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seatrial:
    """This project.

    Args:
        bundles: folders to serve from instead of deploying, by model.
    """

    bundles: Mapping[str, Path] = field(default_factory=dict)
    name: str = "seatrial"
    title: str = "**seatrial**"
    requirements: tuple[str, ...] = field(default_factory=_requirements)
    packages: tuple[str, ...] = ("seatrial", "uvicorn", "uvloop", "httptools", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol, JSON and binary."""
        return INFERENCE_JSON if encoding is Encoding.JSON else INFERENCE_BINARY

    def prepare(self, place: Place, model: Model) -> None:
        """Deploy the model, in the first round."""
        home = place.folder / "home"
        if model in self.bundles or home.exists():
            return
        path = place.files.pipeline if model is Model.GBDT else place.forest
        deploy = (
            *("deploy", str(path), "--name", str(model), "--data", str(place.files.sample)),
            *("--target", "production", "--home", str(home), *DEPLOY_FLAGS[model]),
        )
        done = subprocess.run(
            [place.environment.bin / "seatrial", *deploy],
            capture_output=True,
            text=True,
            check=False,
            timeout=DEPLOY_LIMIT_S,
        )
        if done.returncode != 0:
            raise ServerFailed(f"`seatrial deploy` failed: {done.stderr.strip()[-600:]}")

    def command(self, place: Place, model: Model) -> Command:
        """``seatrial up``, or ``serve-bundle`` where a bundle was given."""
        bundle = self.bundles.get(model)
        what = (
            ("up", "--home", str(place.folder / "home"), "--workers", "1")
            if bundle is None
            else ("serve-bundle", str(bundle), "--name", str(model))
        )
        return Command(
            args=(str(place.environment.bin / "seatrial"), *what, f"--port={place.port}")
        )
