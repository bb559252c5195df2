"""MLServer 1.7 with a custom runtime (``apps/mlserver_app.py``).

- Given the ONNX model through a custom runtime: twice as fast as its own scikit-learn runtime.
- ``parallel_workers: 0``: no second process between door and model; with its default of 1 it does
  half, and does not start at all on uvloop 0.23, hence ``uvloop<0.22``.
- ``debug`` off (it logs every request when on), metrics and gzip off.
- The forest with batches of up to 64 and up to 50 ms of waiting, for LitServe's reason; no batching
  for the ONNX model, which it made slower.
- Binary tensors: it answers 500 to them, so it is not asked.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.serving.environment import same
from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.server import free_port
from benchmarks.serving.wire import INFERENCE_JSON, Wire

BATCHING = {Model.GBDT: (0, 0.0), Model.FOREST: (64, 0.05), Model.NET: (16, 0.005)}
"""The most rows brought together, and how long they are waited for in seconds."""
APPS = Path(__file__).parents[1] / "apps"


class MLServer:
    """MLServer with everything in one process."""

    name = "mlserver"
    title = "MLServer (ONNX, custom runtime)"
    requirements = (
        "mlserver==1.7.1",
        "uvloop<0.22",
        "httptools>=0.6.4",
        "onnxruntime>=1.20",
        same("scikit-learn"),
    )
    packages = ("mlserver", "fastapi", "uvicorn", "uvloop", "numpy", "onnxruntime", "scikit-learn")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol in JSON."""
        return INFERENCE_JSON if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Its two settings files."""
        place.folder.mkdir(parents=True, exist_ok=True)
        forest = model is Model.FOREST
        batch, wait_s = BATCHING[model]
        settings = {
            "host": "127.0.0.1",
            "http_port": place.port,
            "grpc_port": free_port(),
            "parallel_workers": 0,
            "debug": False,
            "gzip_enabled": False,
            "metrics_endpoint": None,
        }
        runtime = {
            "name": str(model),
            "implementation": f"mlserver_app.{'Forest' if forest else 'Onnx'}",
            "parameters": {"uri": str(place.files.given(model))},
            "max_batch_size": batch,
            "max_batch_time": wait_s,
        }
        (place.folder / "settings.json").write_text(json.dumps(settings))
        (place.folder / "model-settings.json").write_text(json.dumps(runtime))

    def command(self, place: Place, model: Model) -> Command:
        """Its own command on the settings' folder."""
        return Command(
            args=(str(place.environment.bin / "mlserver"), "start", str(place.folder)),
            env={"PYTHONPATH": str(APPS)},
        )
