"""Requests that staging sends and how their answers are read: the client's side of the protocol.

Written against the Open Inference Protocol, not against our own codecs, so that a mistake in those
is seen here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.packaging.http import Answer, request_bytes
from seatrial.registry.golden import Golden
from seatrial.registry.signature import Batch, Column, Dtype, Prediction, Signature, take

_DATATYPES: Mapping[Dtype, str] = {
    Dtype.FLOAT32: "FP32",
    Dtype.FLOAT64: "FP64",
    Dtype.INT64: "INT64",
    Dtype.FLOAT16: "FP16",
    Dtype.INT8: "INT8",
    Dtype.INT16: "INT16",
    Dtype.UINT8: "UINT8",
    Dtype.UINT16: "UINT16",
    Dtype.BOOL: "BOOL",
    Dtype.STRING: "BYTES",
}
_NUMPY: Mapping[str, str] = {
    "FP32": "<f4",
    "FP64": "<f8",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "INT8": "<i1",
    "INT16": "<i2",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "BOOL": "?",
}
_JSON = {"content-type": "application/json"}
_LENGTH = "inference-header-content-length"
_SHOWN = 300


class Wrong(Exception):
    """Something was not as it has to be; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask for a prediction.

    Args:
        name: for reports.
        binary: whether tensors travel as bytes after the JSON header.
    """

    name: str
    binary: bool

    def request(self, model: str, signature: Signature, batch: Batch) -> bytes:
        """The whole request for a batch."""
        path = f"/v2/models/{model}/infer"
        tensors = _tensors(signature, batch)
        if not self.binary:
            inputs = [
                {"name": n, "shape": list(a.shape), "datatype": t, "data": _plain(a)}
                for n, t, a in tensors
            ]
            return request_bytes("POST", path, body=_encode({"inputs": inputs}), headers=_JSON)
        header, blobs = [], []
        for name, datatype, array in tensors:
            blob = _to_bytes(array, datatype)
            blobs.append(blob)
            header.append(
                {
                    "name": name,
                    "shape": list(array.shape),
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(blob)},
                }
            )
        head = _encode({"inputs": header, "parameters": {"binary_data_output": True}})
        return request_bytes(
            "POST",
            path,
            body=head + b"".join(blobs),
            headers={"content-type": "application/octet-stream", _LENGTH: str(len(head))},
        )

    def read(self, answer: Answer) -> Prediction:
        """The outputs in an answer.

        Raises: Wrong: it cannot be read.
        """
        try:
            return _read_outputs(answer)
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as problem:
            raise Wrong(f"{self.name}: the answer cannot be read ({problem!r})") from problem


FORMS = (Form("v2 JSON", binary=False), Form("v2 binary tensors", binary=True))


def expect_ok(answer: Answer, what: str) -> None:
    """Raises: Wrong: the answer is not 200."""
    if answer.status != 200:
        text = answer.body[:_SHOWN].decode("utf-8", "replace")
        raise Wrong(f"{what}: expected 200, got {answer.status}: {text}")


def expect_message(answer: Answer, what: str) -> None:
    """Raises: Wrong: a refusal gives no reason."""
    try:
        message = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError) as problem:
        raise Wrong(f"{what}: the refusal has no readable reason") from problem
    if not isinstance(message, str) or not message:
        raise Wrong(f"{what}: the refusal's reason is empty")


def check_metadata(body: bytes, signature: Signature) -> str:
    """What the model's metadata says, when it agrees with the signature.

    Raises: Wrong: it does not.
    """
    try:
        said = json.loads(body)
        inputs = {tensor["name"]: tensor["datatype"] for tensor in said["inputs"]}
        outputs = {tensor["name"] for tensor in said["outputs"]}
    except (ValueError, KeyError, TypeError) as problem:
        raise Wrong(f"the metadata cannot be read ({problem!r})") from problem
    if signature.matrix:
        expected = {_DATATYPES[signature.features[0].dtype]}
        if len(inputs) != 1 or set(inputs.values()) != expected:
            raise Wrong(f"expected one {expected} input, got {inputs}")
    elif inputs != {f.name: _DATATYPES[f.dtype] for f in signature.features}:
        raise Wrong(f"the inputs are {inputs}")
    if outputs != {output.name for output in signature.outputs}:
        raise Wrong(f"the outputs are {sorted(outputs)}")
    return f"{_n(len(inputs), 'input')} and {_n(len(outputs), 'output')} as in the signature"


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def compare(seen: Prediction, expected: Prediction, golden: Golden) -> float:
    """The largest difference of numeric outputs.

    Args:
        expected: some of the golden outputs.
        golden: says how much numbers may differ.
    Raises: Wrong: a larger difference, another label, or an output that is missing.
    """
    worst = 0.0
    for name, values in expected.items():
        if name not in seen:
            raise Wrong(f"the output {name!r} is missing")
        got = seen[name]
        if got.size != values.size:
            raise Wrong(f"{name}: expected {values.shape}, got {got.shape}")
        if values.dtype.kind == "f":
            worst = max(worst, _difference(name, got, values, golden))
        elif [str(v) for v in got.ravel()] != [str(v) for v in values.ravel()]:
            raise Wrong(f"{name}: other values than the original model's")
    return worst


def _difference(
    name: str, got: np.ndarray[Any, Any], values: np.ndarray[Any, Any], golden: Golden
) -> float:
    expected = values.astype(np.float64).ravel()
    gap = np.abs(got.astype(np.float64).ravel() - expected)
    allowed = golden.atol + golden.rtol * np.abs(expected)
    if not (gap <= allowed).all():
        raise Wrong(f"{name}: differs by {np.max(gap):.3g}, more than {np.min(allowed):.3g}")
    return float(np.max(gap, initial=0.0))


def bad_requests(model: str, signature: Signature, batch: Batch) -> list[tuple[str, bytes]]:
    """Named requests that must each be refused with a 4xx."""
    path = f"/v2/models/{model}/infer"
    row = take(batch, slice(0, 1))
    good = json.loads(FORMS[0].request(model, signature, row).partition(b"\r\n\r\n")[2])

    def post(body: object, at: str = path) -> bytes:
        raw = body if isinstance(body, bytes) else _encode(body)
        return request_bytes("POST", at, body=raw, headers=_JSON)

    def changed(**fields: object) -> dict[str, object]:
        first, *others = good["inputs"]
        return {"inputs": [{**first, **fields}, *others]}

    shape = good["inputs"][0]["shape"]
    data = good["inputs"][0]["data"]
    wrong_type: object = "text" if good["inputs"][0]["datatype"] != "BYTES" else {"a": 1}
    cases: list[tuple[str, bytes]] = [
        ("empty body", post(b"")),
        ("not JSON", post(b"{inputs")),
        ("not UTF-8", post(b'{"inputs": "\xff\xfe"}')),
        ("no inputs", post({})),
        ("empty inputs", post({"inputs": []})),
        ("a list", post([1, 2, 3])),
        ("wrong value type", post(changed(data=[wrong_type] * len(data)))),
        ("data shorter than shape", post(changed(data=data[:-1]))),
        ("negative shape", post(changed(shape=[-1, *shape[1:]]))),
        ("shape of another rank", post(changed(shape=[1, 1, *shape]))),
        ("more data than shape", post(changed(data=[*data, data[0]]))),
        ("unknown datatype", post(changed(datatype="FP13"))),
        ("nesting without end", post(b"[" * 100_000)),
        ("unknown model", post(good, at="/v2/models/no-such-model/infer")),
        ("unknown version", post(good, at=f"/v2/models/{model}/versions/999999/infer")),
        ("unknown path", request_bytes("GET", "/v2/no/such/path")),
    ]
    if signature.matrix:
        wider = changed(shape=[1, shape[1] + 1], data=[*data, data[0]])
        cases.append(("extra feature", post(wider)))
    else:
        extra = {**good["inputs"][0], "name": "no_such_feature"}
        cases.append(("extra feature", post({"inputs": [*good["inputs"], extra]})))
        renamed = [{**good["inputs"][0], "name": "no_such_feature"}, *good["inputs"][1:]]
        cases += [
            ("missing feature", post({"inputs": good["inputs"][1:]})),
            ("unknown feature", post({"inputs": renamed})),
        ]
    if not any(f.nullable for f in signature.features):
        cases.append(("missing value", post(changed(data=[None, *data[1:]]))))
    ragged = _ragged(signature, good)
    if ragged is not None:
        cases.append(("ragged rows", post(ragged, at=f"/v1/models/{model}:predict")))
    return [*cases, *_forbidden_values(model, signature, row)]


def _ragged(signature: Signature, good: dict[str, Any]) -> dict[str, object] | None:
    """Two rows as people write them, the second without a value that must be there."""
    if signature.matrix:
        (values,) = (tensor["data"] for tensor in good["inputs"])
        return {"instances": [values, values[:-1]]}
    needed = [f.name for f in signature.features if not f.nullable]
    if not needed:
        return None
    row = {t["name"]: _nested(t["data"], t["shape"][1:]) for t in good["inputs"]}
    if len(row) == 1 and signature.has_tensors:
        (value,) = row.values()
        return {"instances": [value, value[:-1]]}
    short = {name: value for name, value in row.items() if name != needed[-1]}
    return {"instances": [row, short]}


def _nested(values: list[object], shape: list[int]) -> Any:
    """One row's value as people write it."""
    return np.asarray(values, object).reshape(shape).tolist()


def _forbidden_values(model: str, signature: Signature, row: Batch) -> list[tuple[str, bytes]]:
    """A NaN where none may be, and a category the model never saw; JSON cannot say the first."""
    cases = []
    for at, feature in enumerate(signature.features):
        if feature.dtype.floating and not feature.nullable and feature.categories is None:
            spoiled = _with_value(row, at, feature.name, math.nan)
            cases.append(("NaN", FORMS[1].request(model, signature, spoiled)))
            break
    for at, feature in enumerate(signature.features):
        if feature.dtype is Dtype.STRING and feature.categories is not None:
            spoiled = _with_value(row, at, feature.name, "no such category")
            cases.append(("unknown category", FORMS[0].request(model, signature, spoiled)))
            break
    return cases


def _with_value(row: Batch, at: int, name: str, value: Any) -> Batch:
    """The same row with another value of one feature."""
    if isinstance(row, dict):
        column = np.array(row[name])
        column[0] = value
        return {**row, name: column}
    matrix = np.array(row)
    matrix[0, at] = value
    return matrix


def _tensors(signature: Signature, batch: Batch) -> list[tuple[str, str, np.ndarray[Any, Any]]]:
    if not isinstance(batch, dict):
        dtype = _DATATYPES[signature.features[0].dtype]
        return [("input", dtype, np.asarray(batch, dtype=signature.matrix_dtype))]
    return [(f.name, _DATATYPES[f.dtype], np.asarray(batch[f.name])) for f in signature.features]


def _plain(array: np.ndarray[Any, Any] | Column) -> list[object]:
    """A flat list for JSON; missing values are null."""
    return [
        None if value is None or (isinstance(value, float) and math.isnan(value)) else value
        for value in array.ravel().tolist()
    ]


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _to_bytes(array: np.ndarray[Any, Any], datatype: str) -> bytes:
    if datatype != "BYTES":
        return np.ascontiguousarray(array, dtype=_NUMPY[datatype]).tobytes()
    parts = []
    for value in array.ravel().tolist():
        raw = ("" if value is None else str(value)).encode()
        parts += [len(raw).to_bytes(4, "little"), raw]
    return b"".join(parts)


def _read_outputs(answer: Answer) -> Prediction:
    length = answer.headers.get(_LENGTH)
    head = json.loads(answer.body[: int(length)] if length else answer.body)
    at = int(length) if length else 0
    outputs: dict[str, Any] = {}
    for tensor in head["outputs"]:
        size = tensor.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = _from_json(tensor["data"], tensor["datatype"])
        else:
            values = _from_bytes(answer.body[at : at + size], tensor["datatype"])
            at += size
        outputs[tensor["name"]] = values.reshape(tensor["shape"])
    return outputs


def _from_json(data: list[object], datatype: str) -> np.ndarray[Any, Any]:
    if datatype == "BYTES":
        return np.asarray(data, dtype=object)
    return np.asarray(data, dtype=_NUMPY[datatype])


def _from_bytes(raw: bytes, datatype: str) -> np.ndarray[Any, Any]:
    if datatype != "BYTES":
        return np.frombuffer(raw, dtype=_NUMPY[datatype])
    values, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        values.append(raw[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return np.asarray(values, dtype=object)
