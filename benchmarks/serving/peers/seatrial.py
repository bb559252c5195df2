"""seatrial as a user runs it: ``seatrial deploy`` once, then ``seatrial up``, one worker.

- Nothing that serves is tuned or turned off: validation, split, sketches and prediction log run at
  their defaults, and the supervisor and the controller share the worker's core.
- The gates of staging allow for a model that is slow on purpose; a first version has no canary.
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
from benchmarks.serving.server import ServerFailed, free_port
from benchmarks.serving.wire import INFERENCE_BINARY, INFERENCE_JSON, Wire

ROOT = Path(__file__).resolve().parents[3]
DEPLOY_LIMIT_S = 600
CONFIG = """
server:
  port: {port}
release:
  gates:
    p95_ms: 10000
"""


def _requirements() -> tuple[str, ...]:
    """What the project file asks for, so that the environment is remade when that changes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = (*project["dependencies"], *extras["sklearn"], *extras["engines"], *extras["grpc"])
    others = (one for one in asked if not one.startswith("seatrial["))
    return (*others, "--editable", str(ROOT))


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
        """Deploy the model, in the first round, and stop the server that comes with it."""
        config = place.folder / "seatrial.yaml"
        if model in self.bundles or config.exists():
            return
        place.folder.mkdir(parents=True)
        config.write_text(CONFIG.format(port=free_port()))
        deploy(place, model)

    def command(self, place: Place, model: Model) -> Command:
        """``seatrial up``, or ``serve-bundle`` where a bundle was given."""
        bundle = self.bundles.get(model)
        what = (
            ("up", *_workspace(place), "--workers=1")
            if bundle is None
            else ("serve-bundle", str(bundle), f"--name={model}")
        )
        return Command(
            args=(str(place.environment.bin / "seatrial"), *what, f"--port={place.port}")
        )


def deploy(place: Place, model: Model, *more: str) -> None:
    """`seatrial deploy` in the server's folder, whose server is stopped again."""
    path = place.files.pickles.get(model) or place.files.graphs[model]
    what = ("--name", model, "--data", place.files.samples[model], "--target", "production")
    try:
        _run(place, "deploy", path, *what, *more)
    finally:
        _run(place, "down")


def _workspace(place: Place) -> tuple[str, str]:
    return f"--home={place.folder / 'home'}", f"--config={place.folder / 'seatrial.yaml'}"


def _run(place: Place, *command: str | Path) -> None:
    done = subprocess.run(
        [place.environment.bin / "seatrial", *command, *_workspace(place)],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEPLOY_LIMIT_S,
    )
    if done.returncode != 0:
        raise ServerFailed(
            f"`seatrial {command[0]}` ended with {done.returncode}: {why(done.stderr)}"
        )


def why(said: str) -> str:
    """What a command says went wrong; its other lines name folders of this machine."""
    lines = [line.strip() for line in said.splitlines()]
    found = [line for line in lines if line.startswith(("✗", "Error"))]
    return " ".join((found or lines)[-1:])
