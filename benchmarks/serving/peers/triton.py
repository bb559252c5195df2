"""Triton on CPU: the server in the wheel ``nvidia-pytriton``, without that wheel's Python API.

- The wheel carries the Python backend only, so ONNX Runtime (one thread) runs inside ``model.py``
  (``apps/triton_model.py``). A full Triton with its C++ ONNX backend would be faster than this.
- Its stub embeds CPython 3.11, ignores PYTHONPATH and takes the packages of the first ``python3``
  on PATH, so the environment comes first there; libpython and the wheel's own libraries are found
  through LD_LIBRARY_PATH. It needs ``numpy<2``.
- One model instance, no gRPC, no metrics, no request log.
- Dynamic batching for both models. The ONNX model waits 0.1 ms at most: one call across to the stub
  for many requests doubles its rate at concurrency 16 and 64 and halves its p99, at the price of
  those 0.1 ms at concurrency 1. The forest waits up to 20 ms: at 5 ms half the clients miss the
  batch and wait for the next.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.serving.environment import Environment, same
from benchmarks.serving.peer import Command, Place
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import INFERENCE_BINARY, INFERENCE_JSON, Wire

APP = Path(__file__).parents[1] / "apps" / "triton_model.py"

CONFIG = """
name: "{name}"
backend: "python"
max_batch_size: 1024
input [ {{ name: "input", data_type: TYPE_FP32, dims: [ {n_features} ] }} ]
output [
  {{ name: "label", data_type: TYPE_INT64, dims: [ 1 ] }},
  {{ name: "probabilities", data_type: TYPE_FP32, dims: [ {n_classes} ] }}
]
instance_group [ {{ count: 1, kind: KIND_CPU }} ]
parameters: {{ key: "path", value: {{ string_value: "{path}" }} }}
{batching}
"""
BATCHING = {
    Model.GBDT: "dynamic_batching { max_queue_delay_microseconds: 100 }",
    Model.FOREST: (
        "dynamic_batching { preferred_batch_size: [ 64 ], max_queue_delay_microseconds: 20000 }"
    ),
    Model.NET: "dynamic_batching { }",
}


class Triton:
    """tritonserver with its Python backend."""

    name = "triton"
    title = "Triton (Python backend, ONNX)"
    requirements = ("nvidia-pytriton==0.7.0", "numpy<2", "onnxruntime>=1.20", same("scikit-learn"))
    packages = ("nvidia-pytriton", "numpy", "onnxruntime", "scikit-learn")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol, JSON and binary."""
        return INFERENCE_JSON if encoding is Encoding.JSON else INFERENCE_BINARY

    def prepare(self, place: Place, model: Model) -> None:
        """Its model repository, and the stub for this Python beside its backend."""
        give_stub(place.environment)
        folder = place.folder / "models" / model
        (folder / "1").mkdir(parents=True, exist_ok=True)
        shutil.copy(APP, folder / "1" / "model.py")
        (folder / "config.pbtxt").write_text(
            CONFIG.format(
                name=model,
                n_features=model.n_features,
                n_classes=model.n_classes,
                path=place.files.given(model),
                batching=BATCHING[model],
            )
        )

    def command(self, place: Place, model: Model) -> Command:
        """The server binary with one model loaded."""
        return tritonserver(place.environment, place.folder / "models", HTTP.format(place.port))


HTTP = "--http-address=127.0.0.1 --http-port={} --allow-grpc=false"
GRPC = "--grpc-address=127.0.0.1 --grpc-port={} --allow-http=false"


def give_stub(environment: Environment) -> None:
    """Put the stub for this Python beside the backend that starts it."""
    server = environment.site_packages / "pytriton" / "tritonserver"
    stub = "triton_python_backend_stub"
    shutil.copy(
        server / "python_backend_stubs" / "3.11" / stub, server / "backends" / "python" / stub
    )


def tritonserver(environment: Environment, repository: Path, listen: str) -> Command:
    """The server binary with every model of a repository loaded.

    Args: listen: `HTTP` or `GRPC`, with a port.
    """
    packages = environment.site_packages
    server = packages / "pytriton" / "tritonserver"
    library = environment.ask("import sysconfig as s; print(s.get_config_var('LIBDIR'))")
    return Command(
        args=(
            str(server / "bin" / "tritonserver"),
            f"--model-repository={repository}",
            f"--backend-directory={server / 'backends'}",
            "--model-control-mode=explicit",
            "--load-model=*",
            *listen.split(),
            "--allow-metrics=false",
            "--log-info=false",
        ),
        env={
            "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{library}",
            "PATH": f"{environment.bin}:{os.environ['PATH']}",
        },
    )
