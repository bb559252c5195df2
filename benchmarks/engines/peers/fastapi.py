"""FastAPI and Uvicorn with ONNX Runtime by hand: what a person writes who needs no more.

- Rows validated by Pydantic, answered on the loop, one thread for the model: a thread pool made it
  slower. No batching, no metrics, no log of requests.
- ``uvicorn[standard]``, which brings uvloop and httptools.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import Call, Rows, Wire, ask_plain, read_plain

APPS = Path(__file__).parents[1] / "apps"


def _ask(_model: str, rows: Rows) -> Call:
    return ask_plain("/predict", rows)


class FastAPI:
    """One process."""

    name = "fastapi"
    title = "FastAPI + ONNX Runtime by hand"
    requirements = (
        "fastapi>=0.120",
        "uvicorn[standard]>=0.46",
        "uvloop<0.23",
        "numpy>=2",
        "onnxruntime>=1.20",
    )
    packages = ("fastapi", "uvicorn", "uvloop", "pydantic", "numpy", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """Plain rows in JSON."""
        return Wire(ask=_ask, read=read_plain) if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Nothing to write."""

    def command(self, place: Place, model: Model) -> Command:
        """Uvicorn, one worker."""
        return Command(
            args=(
                str(place.environment.bin / "uvicorn"),
                "fastapi_app:app",
                f"--app-dir={APPS}",
                "--host=127.0.0.1",
                f"--port={place.port}",
                "--no-access-log",
                "--log-level=warning",
            ),
            env={"BENCH_MODEL": str(place.files.given(model))},
        )
