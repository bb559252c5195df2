"""Tensors as JSON by TensorFlow Serving's REST: columns as ``inputs``, answers as ``outputs``.

One answer stands alone, several by their names. JSON has NaN and infinity here, as Python and
TensorFlow Serving write them. Source: https://www.tensorflow.org/tfx/serving/api_rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.serving.engine_http import EngineHttp
from seatrial.serving.oip import Tensor

_JSON: Final = {"Content-Type": "application/json"}


async def infer(
    http: EngineHttp,
    path: str,
    inputs: Sequence[Tensor],
    *,
    described: Sequence[str],
    wanted: Sequence[str],
    timeout_s: float,
) -> dict[str, NDArray[Any]]:
    """Ask a server that answers in columns; see `answered` and `OipServer.infer`."""
    body = await http.good("POST", path, timeout_s, asked(inputs), _JSON)
    try:
        return answered(body, described, wanted)
    except ValueError as problem:
        raise http.nonsense(str(problem)) from problem


def asked(inputs: Sequence[Tensor]) -> bytes:
    """The body of a request."""
    return json.dumps({"inputs": {t.name: t.values.tolist() for t in inputs}}).encode()


def answered(body: bytes, described: Sequence[str], wanted: Sequence[str]) -> dict[str, Any]:
    """The outputs of a reply, as arrays.

    Args:
        described: what the model answers.
        wanted: what is taken of it.
    Raises: ValueError: the body is something else.
    """
    try:
        outputs = json.loads(body)["outputs"]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"it has no outputs: {body[:100]!r}") from error
    if len(described) == 1:
        outputs = {described[0]: outputs}
    if not isinstance(outputs, dict):
        raise ValueError(f"{len(described)} outputs have no names: {body[:100]!r}")
    return {name: _array(name, outputs[name]) for name in wanted if name in outputs}


def _array(name: str, values: Any) -> NDArray[Any]:
    array = np.array(values)  # ValueError where rows are of unequal shape
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise ValueError(f"the output {name!r} is {str(values)[:100]}")
    return array
