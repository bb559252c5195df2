"""Ray Serve: a plain application with one replica, on a local Ray of one CPU.

- Its HTTP proxy, controller and replica are processes of their own, beside Ray's: all on the core
  that every server has.
- The net's rows are brought together by ``serve.batch``, up to 64 without waiting; none for the
  small model. No dashboard, no log of requests, no usage statistics.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import Call, Rows, Wire, ask_plain, read_plain

APP = Path(__file__).parents[1] / "apps" / "ray_app.py"


def _ask(_model: str, rows: Rows) -> Call:
    return ask_plain("/", rows)


class RayServe:
    """One replica."""

    name = "rayserve"
    title = "Ray Serve"
    requirements = ("ray[serve]==2.60.0", "numpy>=2", "onnxruntime>=1.20")
    packages = ("ray", "starlette", "uvicorn", "numpy", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """Plain rows in JSON."""
        return Wire(ask=_ask, read=read_plain) if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Nothing to write."""

    def command(self, place: Place, model: Model) -> Command:
        """A program that starts Ray and waits."""
        return Command(
            args=(
                str(place.environment.python),
                str(APP),
                str(place.files.given(model)),
                str(place.port),
                "1" if model is Model.GBDT else "64",
            ),
            env={
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_SERVE_LOG_TO_STDERR": "0",
                "PATH": f"{place.environment.bin}:/usr/bin:/bin",
            },
        )
