"""ONNX graphs that came as such: their inputs and outputs are the signature."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from seatrial.adapters.export.onnx_alone import is_alone, one_by_one
from seatrial.adapters.export.onnx_text import Texts, classes_of, task_of, texts_of
from seatrial.adapters.export.text_examples import text_input
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.usage_data import decline
from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.signature import MAX_RANK, Batch, Dtype, Prediction, Signature, Task
from seatrial.serving.failures import UnsupportedModel

_NUMBERS: Final = {
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
}

_ANSWERS: Final = frozenset(
    (
        "tensor(uint32)",
        "seq(map(int64,tensor(float)))",
        "seq(map(string,tensor(float)))",
    )
)
"""What answers may be besides; whole numbers and halves are widened."""


_SMALL: Final = ("tensor(int8)", "tensor(int16)", "tensor(uint8)", "tensor(uint16)")
_NO_MATRIX: Final = ("tensor(string)", *_SMALL)
"""What no features side by side are made of; bytes side by side are one tensor."""


def load_onnx(path: Path) -> OnnxModel | OnnxTextModel:
    """The graph in a file. Raises: CorruptModel, UnsupportedModel, MissingLibrary."""
    decline()
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ModuleNotFoundError as error:
        raise missing_library("onnxruntime", path=path) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # From bytes, so that weights in other files, wherever they point, are not read.
    graph = path.read_bytes()
    unreadable = (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except unreadable as error:
        raise _unreadable(path, error) from error
    inputs = {i.name: _dtype(i) for i in session.get_inputs()}
    tokenizer = texts_of(session, inputs, alone=is_alone(graph))
    if tokenizer is not None:
        return OnnxTextModel(session, graph, tokenizer)
    return OnnxModel(session, graph)


_LACKS: Final = (
    (
        r"External data|model_path must not be empty",
        "Its weights lie in another file, which is not read.",
        "Save it as one file: onnx.save(onnx.load(path), path, save_as_external_data=False).",
    ),
    (
        r"till opset (\d+)",
        "Its operator set is newer than the ONNX Runtime here, which knows those up to {}.",
        "Export it with an older opset_version, or install a newer onnxruntime.",
    ),
    (
        r"max supported IR version: (\d+)",
        "Its file format is newer than the ONNX Runtime here, which reads IR versions up to {}.",
        "Save it by an older version of onnx, or install a newer onnxruntime.",
    ),
    (
        r"(\S+?)\(-?\d+\) (?:is not a registered|node with name)",
        "ONNX Runtime has no operator {} for the types it is given.",
        "Export it with the operators of ONNX alone; where one is your own, deploy the model it "
        "was exported from, or wrap its runtime in a Python class.",
    ),
    (
        r"(tensor\(\w+\)) is not currently",
        "ONNX Runtime has no {} on a CPU.",
        "Cast to float inside the graph, and export it again.",
    ),
)
"""What ONNX Runtime says of a sound graph that it cannot run; what that means; the way out."""


def _unreadable(path: Path, error: Exception) -> SeatrialError:
    from seatrial.adapters.serving.onnxruntime import reason

    for pattern, meaning, remedy in _LACKS:
        if found := re.search(pattern, str(error)):
            why = meaning.format(*found.groups())
            return UnsupportedModel(f"{path.name} cannot be run: {why}", remedy=remedy)
    return CorruptModel(
        f"ONNX Runtime cannot load {path.name}: {reason(error)}",
        remedy="Look at it with onnx.checker, and export it again.",
    )


class OnnxModel:
    """A session over one graph whose inputs have the rows in front."""

    def __init__(self, session: Any, graph: bytes) -> None:
        self._session = session
        self._graph = graph
        self._inputs = {i.name: i for i in session.get_inputs()}
        self._outputs = {o.name: o for o in session.get_outputs()}
        _check(self._inputs, self._outputs)
        self._alone = is_alone(graph)
        self._classes: tuple[str, ...] | tuple[int, ...] | None = None

    @property
    def raw(self) -> object:
        """The file's bytes."""
        return self._graph

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """See LoadedModel; known after a first prediction, when the graph shows them at all."""
        return self._classes

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import onnxruntime

        one = self._matrix_input()
        entries = [one] * int(one.shape[1]) if one is not None else list(self._inputs.values())
        takes_gaps = self._answers_missing()
        return ModelFacts(
            framework="onnx",
            version=onnxruntime.__version__,
            estimator="onnx.ModelProto",
            task=self._task(),
            inputs=tuple(
                _input(entry, f"x{at}" if one is not None else entry.name, takes_gaps, one)
                for at, entry in enumerate(entries)
            ),
            named=one is None,
            number=Dtype.FLOAT64 if self._is_double() else Dtype.FLOAT32,
            packages=(("numpy", np.__version__), ("onnxruntime", onnxruntime.__version__)),
        )

    def _task(self) -> Task:
        if "label" in self._outputs:
            return Task.CLASSIFICATION
        return Task.REGRESSION if len(self._outputs) == 1 else Task.OTHER

    def _matrix_input(self) -> Any | None:
        inputs = list(self._inputs.values())
        one = len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].type not in _NO_MATRIX
        return inputs[0] if one else None

    def _is_double(self) -> bool:
        return any(i.type == "tensor(double)" for i in self._inputs.values())

    def _answers_missing(self) -> bool:
        """Whether a row without any number still gets numbers for an answer."""
        answers = self._run({name: _blank(entry) for name, entry in self._inputs.items()})
        return all(a.dtype.kind != "f" or bool(np.isfinite(a).all()) for a in answers.values())

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        del signature  # the graph names its outputs itself
        return one_by_one(self._asked, batch) if self._alone else self._asked(batch)

    def _asked(self, batch: Batch) -> Prediction:
        one = self._matrix_input()
        if one is not None:
            rows = np.column_stack(list(batch.values())) if isinstance(batch, dict) else batch
            return self._run({one.name: rows.astype(_NUMBERS[one.type], copy=False)})
        assert isinstance(batch, dict)
        return self._run({name: _shaped(batch[name], e) for name, e in self._inputs.items()})

    def _run(self, feed: dict[str, Any]) -> Prediction:
        values = self._session.run(list(self._outputs), feed)
        return {
            name: self._from_maps(found) if isinstance(found, list) else _squeezed(found)
            for name, found in zip(self._outputs, values, strict=True)
        }

    def _from_maps(self, rows: list[Mapping[Any, float]]) -> Any:
        """Probabilities as scikit-learn's converter writes them by default: a map for each row."""
        keys = tuple(rows[0]) if rows else (self._classes or ())
        self._classes = keys
        return np.array([[row[key] for key in keys] for row in rows], dtype=np.float32)


class OnnxTextModel:
    """A session over a graph that brings its tokenizer along; texts run one by one."""

    def __init__(self, session: Any, graph: bytes, tokenizer: Texts) -> None:
        self._session = session
        self._graph = graph
        self._tokenizer = tokenizer
        self._outputs = [o.name for o in session.get_outputs()]

    @property
    def raw(self) -> object:
        """The file's bytes."""
        return self._graph

    def classes(self) -> tuple[str, ...] | None:
        """See LoadedModel."""
        return classes_of(self._session)

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import onnxruntime
        import tokenizers

        return ModelFacts(
            framework="onnx",
            version=onnxruntime.__version__,
            estimator="onnx.ModelProto",
            task=task_of(self._outputs),
            inputs=(text_input(),),
            named=False,
            number=Dtype.FLOAT32,
            packages=(
                ("numpy", np.__version__),
                ("onnxruntime", onnxruntime.__version__),
                ("tokenizers", tokenizers.__version__),
            ),
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        assert isinstance(batch, dict)
        answers = [
            self._session.run(self._outputs, feed)
            for text in batch[signature.names[0]].tolist()
            for _, feed in self._tokenizer.feeds([text])
        ]
        columns = zip(*answers, strict=True)
        return {n: np.concatenate(v) for n, v in zip(self._outputs, columns, strict=True)}


def _dtype(entry: Any) -> np.dtype[np.generic]:
    return np.dtype(_NUMBERS.get(entry.type, object))


def _blank(entry: Any) -> Any:
    """One row with nothing in it."""
    shape = (1, *entry.shape[1:])
    if entry.type == "tensor(string)":
        return np.full(shape, "", dtype=object)
    return np.full(shape, np.nan if _is_float(entry) else 0, dtype=_NUMBERS[entry.type])


def _shaped(column: Any, entry: Any) -> Any:
    values = column if entry.type == "tensor(string)" else column.astype(_NUMBERS[entry.type])
    return values.reshape(-1, *entry.shape[1:])


def _squeezed(values: Any) -> Any:
    array = np.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _input(entry: Any, name: str, takes_gaps: bool, matrix: Any | None) -> InputFact:  # noqa: FBT001
    shape = _tensor_shape(entry, matrix)
    if not shape:
        return InputFact(name=name, kind=_kind(entry), nullable=takes_gaps and _is_float(entry))
    signed = _is_float(entry) or entry.type in ("tensor(int8)", "tensor(int16)")
    low = None if signed else 0.0
    return InputFact(name=name, kind=_kind(entry), shape=shape, dtype=_exact(entry), low=low)


def _tensor_shape(entry: Any, matrix: Any | None) -> tuple[int, ...]:
    """The shape of a row's value; a row of one is one value, and a matrix has many features."""
    shape = tuple(entry.shape[1:])
    return () if matrix is not None or shape == (1,) else shape


def _exact(entry: Any) -> Dtype | None:
    """The dtype of a tensor as clients send it."""
    return {
        "tensor(float)": Dtype.FLOAT32,
        "tensor(double)": Dtype.FLOAT64,
        "tensor(int64)": Dtype.INT64,
        "tensor(int32)": Dtype.INT64,
        "tensor(float16)": Dtype.FLOAT16,
        "tensor(int8)": Dtype.INT8,
        "tensor(int16)": Dtype.INT16,
        "tensor(uint8)": Dtype.UINT8,
        "tensor(uint16)": Dtype.UINT16,
    }.get(entry.type)


def _kind(entry: Any) -> Kind:
    if entry.type == "tensor(bool)":
        return Kind.BOOLEAN
    return Kind.STRING if entry.type == "tensor(string)" else Kind.NUMBER


def _is_float(entry: Any) -> bool:
    return entry.type in ("tensor(float16)", "tensor(float)", "tensor(double)")


def _check(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """See that rows can go in and answers come out.   Raises: UnsupportedModel."""
    if not inputs:
        raise UnsupportedModel(
            "The graph takes no input.", remedy="Export it with its rows as an input."
        )
    for entry in inputs.values():
        _check_dtype(entry, "input")
        _check_shape(entry)
        _check_small(entry)
    for entry in outputs.values():
        _check_dtype(entry, "output")


def _check_dtype(entry: Any, what: str) -> None:
    known = {*_NUMBERS, "tensor(string)"} | (_ANSWERS if what == "output" else set())
    if entry.type not in known:
        raise UnsupportedModel(
            f"The graph's {what} {entry.name!r} is {entry.type}.",
            remedy=f"Add a Cast to the graph, so that it has {_CASTS.get(entry.type, _WIDE)} "
            "there; an input of several values a row may have int8, int16, uint8 or uint16 too.",
        )


_WIDE: Final = "float16, float, double, int32, int64, bool or string"
_CASTS: Final = {
    "tensor(bfloat16)": "float (numpy has no bfloat16, so no value could be handed over)",
}


def _check_small(entry: Any) -> None:
    if entry.type in _SMALL and tuple(entry.shape[1:]) in ((), (1,)):
        kind = entry.type.removeprefix("tensor(").rstrip(")")
        raise UnsupportedModel(
            f"The graph's input {entry.name!r} is one {kind} a row.",
            remedy=f"Add a Cast to the graph, so that it has int64 there; {kind} is for tensors, "
            "such as images.",
        )


def _check_shape(entry: Any) -> None:
    rows_free = bool(entry.shape) and not isinstance(entry.shape[0], int)
    sizes_known = len(entry.shape) <= MAX_RANK + 1 and all(
        isinstance(size, int) and size > 0 for size in entry.shape[1:]
    )
    if not (rows_free and sizes_known):
        raise UnsupportedModel(
            f"The graph's input {entry.name!r} is {entry.type} of shape {entry.shape}.",
            remedy="Export it with a free first dimension, for the rows, and every other size "
            "fixed: pad texts to one length and images to one size.",
        )
