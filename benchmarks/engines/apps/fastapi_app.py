"""A model behind FastAPI, as a person writes it by hand."""

import os
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"]
)
app = FastAPI()


class Rows(BaseModel):
    """The body of a request."""

    instances: list[list[float]]


@app.post("/predict")
async def predict(rows: Rows) -> dict[str, Any]:
    """Label and probabilities of each row."""
    given = np.array(rows.instances, dtype=np.float32)
    label, probabilities = session.run(None, {"input": given})
    return {"label": label.tolist(), "probabilities": probabilities.tolist()}
