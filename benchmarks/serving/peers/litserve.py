"""LitServe 0.2: FastAPI in front of a worker process.

- Given the ONNX model: twice as fast as with scikit-learn at one row.
- One API server and one worker: the least it can run with. ``uvicorn[standard]`` beside it, so that
  it gets uvloop and httptools.
- Replies encoded by orjson in the worker: a dict would pass FastAPI's encoder, value by value.
- ``fast_queue`` off and no batching for the ONNX model: neither changed its rate.
- The forest with batches of up to 64, the clients' number, and up to 50 ms of waiting: 64 requests
  take LitServe that long to bring together, and a full batch never waits.
- Its own JSON dialect: it does not speak the Open Inference Protocol, nor binary tensors.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.serving.environment import same
from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import Call, Rows, Wire, ask_plain, read_plain

APP = Path(__file__).parents[1] / "apps" / "litserve_app.py"


def _ask(_model: str, rows: Rows) -> Call:
    return ask_plain("/predict", rows)


class LitServe:
    """LitServe with one worker."""

    name = "litserve"
    title = "LitServe (ONNX)"
    requirements = (
        "litserve==0.2.19",
        "orjson>=3.10.12",
        "uvicorn[standard]>=0.46",
        "uvloop<0.23",
        "numpy>=2",
        "onnxruntime>=1.20",
        same("scikit-learn"),
    )
    packages = ("litserve", "fastapi", "uvicorn", "numpy", "onnxruntime", "scikit-learn")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """Plain rows in JSON."""
        return Wire(ask=_ask, read=read_plain) if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Nothing to write."""

    def command(self, place: Place, model: Model) -> Command:
        """Its API server and one worker process."""
        batch, wait_s = (1, 0.0) if model is Model.GBDT else (64, 0.05)
        return Command(
            args=(
                str(place.environment.python),
                str(APP),
                f"--model={place.files.given(model)}",
                f"--port={place.port}",
                f"--max-batch-size={batch}",
                f"--batch-timeout={wait_s}",
            )
        )
