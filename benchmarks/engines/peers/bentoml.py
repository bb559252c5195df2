"""BentoML 1.4: a service with one worker, whose rows it brings together itself.

- ``batchable``: its own adaptive batching, up to 64 rows, for the net; none for the small model,
  where it made each answer slower.
- One number of threads for ONNX Runtime, tracing and metrics off, no log of requests.
- An array is its answer: the label first, then the probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import Answer, Call, Rows, Wire, ask_plain

APPS = Path(__file__).parents[1] / "apps"


def _ask(_model: str, rows: Rows) -> Call:
    return ask_plain("/predict", rows)


def _read(_headers: Mapping[str, str], body: bytes) -> Answer:
    table = np.asarray(json.loads(body), dtype=np.float64)
    return Answer(label=table[:, 0].astype(np.int64), probabilities=table[:, 1:])


class BentoML:
    """A service of one class."""

    name = "bentoml"
    title = "BentoML"
    requirements = ("bentoml==1.4.39", "numpy>=2", "onnxruntime>=1.20")
    packages = ("bentoml", "starlette", "uvicorn", "numpy", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """Rows in JSON."""
        return Wire(ask=_ask, read=_read) if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Nothing to write."""

    def command(self, place: Place, model: Model) -> Command:
        """``bentoml serve``, one worker."""
        service = "Plain" if model is Model.GBDT else "Batched"
        return Command(
            args=(
                str(place.environment.bin / "bentoml"),
                "serve",
                f"bento_service:{service}",
                f"--working-dir={APPS}",
                "--host=127.0.0.1",
                f"--port={place.port}",
            ),
            env={
                "BENCH_MODEL": str(place.files.given(model)),
                "BENTOML_DO_NOT_TRACK": "True",
                "BENTOML_HOME": str(place.folder / "home"),
                "PATH": f"{place.environment.bin}:/usr/bin:/bin",
            },
        )
