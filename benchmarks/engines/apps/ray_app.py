"""What Ray Serve runs; the settings are in ``peers/rayserve.py``."""

from __future__ import annotations

import signal
import sys
from typing import Any

import numpy as np
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig
from starlette.requests import Request


class Application:
    """A graph behind Ray's HTTP."""

    def __init__(self, path: str, max_rows: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._run = session.run
        self._together = max_rows > 1

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.0)
    async def _batched(self, requests: list[np.ndarray]) -> list[Any]:
        label, probabilities = self._run(None, {"input": np.concatenate(requests)})
        ends = np.cumsum([len(rows) for rows in requests])[:-1]
        return list(zip(np.split(label, ends), np.split(probabilities, ends), strict=True))

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Label and probabilities of each row."""
        rows = np.array((await request.json())["instances"], dtype=np.float32)
        label, probabilities = (
            await self._batched(rows) if self._together else self._run(None, {"input": rows})
        )
        return {"label": label.tolist(), "probabilities": probabilities.tolist()}


def main() -> None:
    path, port, max_rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ray.init(
        num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20
    )
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port, access_log=False))
    quiet = LoggingConfig(enable_access_log=False, log_level="WARNING")
    deployment = serve.deployment(num_replicas=1, max_ongoing_requests=256, logging_config=quiet)(
        Application
    )
    serve.run(deployment.bind(path, max_rows), name="bench", logging_config=quiet)
    signal.sigwait({signal.SIGTERM})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
