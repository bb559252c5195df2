"""The floor: a bare ASGI app on uvicorn with an ONNX session, as one writes it by hand.

It decodes Open Inference Protocol JSON, predicts and encodes: no validation beyond the types, no
split, no measurements, one model. What seatrial adds is measured against it.

    python benchmarks/floor.py --model model.onnx --port 8081
"""

from __future__ import annotations

import argparse

import msgspec
import numpy as np
import onnxruntime
import orjson
import uvicorn


class Tensor(msgspec.Struct):
    """An input; what else it holds is not looked at."""

    shape: list[int]
    data: list[float]


class Infer(msgspec.Struct):
    """A request."""

    inputs: list[Tensor]


def app(path: str):
    """The ASGI application over the model at ``path``: labels and probabilities."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    decode = msgspec.json.Decoder(Infer).decode
    run = session.run

    async def answer(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        tensor = decode(body).inputs[0]
        labels, probabilities = run(
            None, {name: np.array(tensor.data, np.float32).reshape(tensor.shape)}
        )
        reply = orjson.dumps(
            {
                "model_name": "floor",
                "outputs": [
                    {"name": "label", "datatype": "INT64", "shape": labels.shape, "data": labels},
                    {
                        "name": "probabilities",
                        "datatype": "FP32",
                        "shape": probabilities.shape,
                        "data": probabilities.ravel(),
                    },
                ],
            },
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(reply)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": reply})

    return answer


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, default=8081)
    given = parser.parse_args()
    uvicorn.run(
        app(given.model),
        host="127.0.0.1",
        port=given.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
