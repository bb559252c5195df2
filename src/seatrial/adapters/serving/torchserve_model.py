"""The program of a model in TorchServe; runs there, and knows nothing of ours.

It reads ``{"instances": [...]}``, rows as lists or objects by feature, and answers
``{"predictions": [...]}``, as seatrial's own route in TF Serving's form does; or columns as
``inputs``, and answers ``outputs``. What they are it says where TorchServe describes the model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

_NUMPY = {
    "float32": np.float32,
    "float64": np.float64,
    "int64": np.int64,
    "float16": np.float16,
    "int8": np.int8,
    "int16": np.int16,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "bool": np.bool_,
    "string": np.object_,
}
_NARROW = ("int8", "int16", "uint8", "uint16")
_ONNX = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float16)": np.float16,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class SeatrialHandler:
    """See TorchServe's documentation of custom services; the only class of its file."""

    def initialize(self, context: Any) -> None:
        """Open the graph beside this file."""
        folder = Path(context.system_properties["model_dir"])
        told = json.loads((folder / "signature.json").read_text("utf-8"))
        self._features, self._outputs = told["features"], told["outputs"]
        self._matrix, self._graph_inputs = told["matrix"], told["graph_inputs"]
        self._alone = told["alone"]
        self._described = told["described"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._kinds = {i.name: (i.type, len(i.shape)) for i in self._session.get_inputs()}

    def handle(self, requests: list[dict[str, Any]], context: Any) -> list[Any]:
        """Answer each request; one that does not fit spoils no other."""
        if context.get_request_header(0, "describe") == "True":
            return [self._described]
        answers: list[Any] = []
        for place, request in enumerate(requests):
            try:
                answers.append(self.answer(_message(request)))
            except ValueError as problem:
                context.set_response_status(code=400, phrase="Bad Request", idx=place)
                answers.append({"error": str(problem)})
        return answers

    def answer(self, message: Any) -> dict[str, Any]:
        """The answer to a message, in its form.   Raises: ValueError: it does not fit."""
        if not isinstance(message, dict) or ("inputs" in message) == ("instances" in message):
            raise ValueError('The body is not {"instances": [...]} with one item per row.')
        if "instances" in message:
            return {"predictions": self.predictions(message)}
        lists = self._lists(self._by_name(message["inputs"]))
        return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}

    def predictions(self, message: Any) -> list[Any]:
        """The answers to a message, row by row.   Raises: ValueError: it does not fit."""
        rows = message.get("instances") if isinstance(message, dict) else None
        if not isinstance(rows, list) or not rows:
            raise ValueError('The body is not {"instances": [...]} with one item per row.')
        lists = self._lists(self._by_feature(rows))
        if len(lists) == 1:
            return list(next(iter(lists.values())))
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def _lists(self, values: list[list[Any]]) -> dict[str, list[Any]]:
        """The outputs by name, for the values of each feature."""
        columns = [self._column(f, v) for f, v in zip(self._features, values, strict=True)]
        answers = self._asked(self._feeds(columns), len(columns[0]))
        return {
            output["name"]: np.asarray(found).reshape(len(columns[0]), *output["shape"]).tolist()
            for found, output in zip(answers, self._outputs, strict=True)
        }

    def _asked(self, feeds: dict[str, Any], n: int) -> Any:
        """The answers to ``n`` rows, each by itself where the graph scales by the batch."""
        names = [output["name"] for output in self._outputs]
        if not self._alone:
            return self._session.run(names, feeds)
        rows = ({k: v[at : at + 1] for k, v in feeds.items()} for at in range(n))
        answers = [self._session.run(names, row) for row in rows]
        return [np.concatenate(column) for column in zip(*answers, strict=True)]

    def _by_name(self, inputs: Any) -> list[list[Any]]:
        """The values of each feature of columns, or of the rows of the one matrix."""
        names = [tensor["name"] for tensor in self._described["inputs"]]
        if not isinstance(inputs, dict) or set(inputs) != set(names):
            raise ValueError(f"The inputs are not exactly {names[:10]}.")
        columns = [inputs[name] for name in names]
        n = len(columns[0]) if isinstance(columns[0], list) else 0
        if not n or any(not isinstance(c, list) or len(c) != n for c in columns):
            raise ValueError("The inputs are not lists of the same number of rows.")
        return self._by_feature(columns[0]) if self._matrix else columns

    def _by_feature(self, rows: list[Any]) -> list[list[Any]]:
        names = [feature["name"] for feature in self._features]
        bare = len(names) == 1 and bool(self._features[0]["shape"])
        ordered = []
        for place, row in enumerate(rows):
            values = [row] if bare and not isinstance(row, dict) else row
            if isinstance(row, dict) and set(row) == set(names):
                values = [row[name] for name in names]
            if not isinstance(values, list) or len(values) != len(names):
                raise ValueError(f"Row {place} does not have exactly the features {names[:10]}.")
            ordered.append(values)
        return [list(column) for column in zip(*ordered, strict=True)]

    def _column(self, feature: dict[str, Any], values: list[Any]) -> Any:
        name, dtype = feature["name"], feature["dtype"]
        if dtype == "string":
            if feature["nullable"]:
                values = ["" if value is None else value for value in values]
            array = np.empty(len(values), object)
            array[:] = values
            fits = all(isinstance(value, str) for value in values)
        else:
            if feature["nullable"] and dtype != "int64":
                values = [float("nan") if value is None else value for value in values]
            try:
                array = np.array(values)
            except ValueError as ragged:
                raise ValueError(f"The feature {name!r} has rows of unequal shape.") from ragged
            fits = array.dtype.kind in ("b" if dtype == "bool" else "fiu")
            if fits and dtype == "int64" and array.dtype.kind != "i":
                fits = bool(((array == np.floor(array)) & (abs(array) < 2**63)).all())
            if fits and dtype in _NARROW:
                ends = np.iinfo(_NUMPY[dtype])
                inside = (array >= ends.min) & (array <= ends.max)
                fits = bool(((array == np.floor(array)) & inside).all())
            if fits and dtype.startswith("float"):
                with np.errstate(over="ignore"):
                    array = array.astype(_NUMPY[dtype])
                usual = np.isfinite(array) | (np.isnan(array) & bool(feature["nullable"]))
                fits = bool(usual.all())
        if not fits or array.shape != (len(values), *feature["shape"]):
            raise ValueError(f"The feature {name!r} has a value that is no {dtype} of its shape.")
        return array.astype(_NUMPY[dtype], copy=False)

    def _feeds(self, columns: list[Any]) -> dict[str, Any]:
        if self._matrix:
            columns = [np.stack(columns, axis=1)]
        feeds = {}
        for name, values in zip(self._graph_inputs, columns, strict=True):
            if name in self._kinds:
                kind, rank = self._kinds[name]
                shaped = values.reshape(-1, 1) if values.ndim == 1 and rank > 1 else values
                feeds[name] = shaped.astype(_ONNX[kind], copy=False)
        return feeds


def _message(request: dict[str, Any]) -> Any:
    """What a client sent, which is parsed already where it said that it is JSON."""
    body = request.get("body")
    body = request.get("data") if body is None else body
    if isinstance(body, bytes | bytearray):
        try:
            return json.loads(body)
        except (UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"The body is not JSON: {error}.") from error
    return body
