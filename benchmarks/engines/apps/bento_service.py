"""What BentoML runs; the settings are in ``peers/bentoml.py``."""

import os

import bentoml
import numpy as np

CONFIG = {
    "workers": 1,
    "metrics": {"enabled": False},
    "logging": {"access": {"enabled": False}},
    "traffic": {"timeout": 60},
}


def _session():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"]
    )


def _answer(session, rows: np.ndarray) -> np.ndarray:
    label, probabilities = session.run(None, {"input": rows.astype(np.float32)})
    return np.hstack([label.reshape(-1, 1), probabilities])


@bentoml.service(**CONFIG)
class Plain:
    """Each request by itself."""

    def __init__(self) -> None:
        self.session = _session()

    @bentoml.api
    def predict(self, instances: np.ndarray) -> np.ndarray:
        """Label and probabilities of each row."""
        return _answer(self.session, instances)


@bentoml.service(**CONFIG)
class Batched:
    """Requests brought together."""

    def __init__(self) -> None:
        self.session = _session()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=30_000)
    def predict(self, instances: np.ndarray) -> np.ndarray:
        """Label and probabilities of each row."""
        return _answer(self.session, instances)
