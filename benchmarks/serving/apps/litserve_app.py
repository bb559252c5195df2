"""What LitServe runs: one API object, given the ONNX model or the native forest.

Its decode and encode run in LitServe's worker process. The settings are in ``peers/litserve.py``.
No postponed annotations here: LitServe reads those of ``decode_request`` and takes text for a query
parameter.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import litserve as ls
import numpy as np
import orjson
from starlette.responses import Response


class Onnx(ls.LitAPI):
    """The pipeline as ONNX, one thread."""

    path: str

    def setup(self, device: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = onnxruntime.InferenceSession(
            self.path, options, providers=["CPUExecutionProvider"]
        ).run

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.array(request["instances"], dtype=np.float32)

    def predict(self, rows: np.ndarray) -> Any:
        return self._run(None, {"input": rows})

    def encode_response(self, output: Any) -> Response:
        label, probabilities = output
        reply = {"label": label, "probabilities": probabilities}
        body = orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(body, media_type="application/json")


class Forest(Onnx):
    """The forest as a pickle; LitServe merges single-row requests."""

    def setup(self, device: str) -> None:
        self._forest = pickle.loads(Path(self.path).read_bytes())

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(inputs)

    def predict(self, rows: np.ndarray) -> Any:
        probabilities = self._forest.predict_proba(rows.astype(np.float64))
        return probabilities.argmax(axis=1), probabilities

    def unbatch(self, output: Any) -> list[Any]:
        label, probabilities = output
        return [(label[i : i + 1], probabilities[i : i + 1]) for i in range(len(label))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--max-batch-size", type=int, required=True)
    parser.add_argument("--batch-timeout", type=float, required=True)
    parser.add_argument("--fast-queue", action="store_true")
    args = parser.parse_args()
    kind = Onnx if args.model.endswith(".onnx") else Forest
    api = kind(max_batch_size=args.max_batch_size, batch_timeout=args.batch_timeout)
    api.path = args.model
    server = ls.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=1, fast_queue=args.fast_queue
    )
    server.run(
        host="127.0.0.1",
        port=args.port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )


if __name__ == "__main__":
    main()
