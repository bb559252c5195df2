"""The floor: a bare ASGI application on uvicorn with the ONNX session (``apps/floor.py``).

- uvloop and httptools, no access log, no lifespan, no server or date header: the fastest uvicorn.
- uvloop 0.22: 0.23.0 makes half as many requests a second of the same program.
- ONNX Runtime with one thread, called on the loop: one core is all there is.
- Not asked for the native forest: a floor for batching would have to be a batcher.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import INFERENCE_BINARY, INFERENCE_JSON, Wire

APP = Path(__file__).parents[1] / "apps" / "floor.py"


class Floor:
    """uvicorn and nothing else."""

    name = "floor"
    title = "floor (bare ASGI on uvicorn, ONNX)"
    requirements = (
        "uvicorn>=0.46,<0.60",
        "uvloop>=0.21,<0.23",
        "httptools>=0.6.4",
        "orjson>=3.10.12",
        "numpy>=2",
        "onnxruntime>=1.20",
    )
    packages = ("uvicorn", "uvloop", "httptools", "orjson", "numpy", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol, for the ONNX model only."""
        if model is Model.FOREST:
            return None
        return INFERENCE_JSON if encoding is Encoding.JSON else INFERENCE_BINARY

    def prepare(self, place: Place, model: Model) -> None:
        """Nothing to write."""

    def command(self, place: Place, model: Model) -> Command:
        """uvicorn, one process."""
        return Command(
            args=(
                str(place.environment.bin / "uvicorn"),
                "floor:app",
                f"--app-dir={APP.parent}",
                "--host=127.0.0.1",
                f"--port={place.port}",
                "--loop=uvloop",
                "--http=httptools",
                "--lifespan=off",
                "--no-access-log",
                "--no-server-header",
                "--no-date-header",
                "--log-level=warning",
            ),
            env={"BENCH_MODEL": str(place.files.given(model))},
        )
