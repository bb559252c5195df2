"""ONNX Runtime in this process: the engine of the hot path.

One thread per session: workers are processes, and a second thread only adds hand-overs. Making
the graph is the exporters' business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from seatrial.adapters.export.onnx_alone import is_alone, one_by_one
from seatrial.adapters.export.onnx_place import feature_of
from seatrial.adapters.export.onnx_text import TOKENIZER, Texts, texts_of
from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Batch, Column, Dtype, Prediction, Signature, n_rows
from seatrial.serving.oip import TensorSpec

_DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16),
    "tensor(bool)": np.dtype(np.bool_),
    "tensor(string)": np.dtype(object),
}


_DATATYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(int64)": "INT64",
    "tensor(int32)": "INT32",
    "tensor(float16)": "FP16",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
}


class GraphUnusable(Invalid):
    """ONNX Runtime cannot load the graph, or the graph does not fit the signature."""

    code = "engine.graph_unusable"


class OnnxEngine:
    """A graph that answers batches of one signature.

    Args:
        graph: the ONNX file's bytes.
        signature: whose inputs and outputs the graph has.
    Raises:
        GraphUnusable: the graph does not load or does not fit.
    """

    def __init__(self, graph: bytes, signature: Signature) -> None:
        self._session = _session(graph)
        self._alone = is_alone(graph)
        self._texts = _texts(self._session, signature, alone=self._alone)
        feeds = {} if self._texts else _feeds(self._session, signature)
        self._outputs = signature.outputs
        self._names = [o.name for o in signature.outputs]
        missing = set(self._names) - {o.name for o in self._session.get_outputs()}
        if missing:
            raise GraphUnusable(
                f"The graph has no output {sorted(missing)[0]!r}.",
                remedy="Name the graph's outputs as in the signature.",
            )
        self._wanted = [(o.name, o.dtype.numpy, (-1, *o.row_shape)) for o in self._outputs]
        self._feature = signature.names[0]
        of_tokens: tuple[str, np.dtype[np.generic]] = ("", np.dtype(np.int64))
        self._input, self._dtype = next(iter(feeds.items()), of_tokens)
        ranks = {i.name: len(i.shape) for i in self._session.get_inputs()}
        shapes = {f.name: f.shape for f in signature.features}
        self._columns = [
            (name, feature, dtype, _rows_of(shapes.get(feature, ()), ranks[name]))
            for name, dtype in feeds.items()
            for feature in (feature_of(name, signature.names),)
        ]
        # The public run() checks names and types again, a fifth of the cost of one row.
        self._run: Callable[..., list[NDArray[np.generic]]] = self._session._sess.run

    def predict(self, batch: Batch) -> Prediction:
        """See ``Engine``."""
        if self._texts is not None:
            return self._read(self._texts, batch)
        return one_by_one(self._asked, batch) if self._alone else self._asked(batch)

    def _asked(self, batch: Batch) -> Prediction:
        if isinstance(batch, dict):
            feed = {n: _input(batch[f], dtype, shape) for n, f, dtype, shape in self._columns}
        else:
            feed = {self._input: batch if batch.dtype is self._dtype else _cast(batch, self._dtype)}
        return self._named(self._run(self._names, feed, None))

    def close(self) -> None:
        """See ``Engine``."""
        del self._run, self._session

    def _read(self, tokenizer: Texts, batch: Batch) -> Prediction:
        """The answers to texts, which run a few of like length at a time."""
        assert isinstance(batch, dict)
        answers = {
            name: np.empty((n_rows(batch), *shape[1:]), dtype)
            for name, dtype, shape in self._wanted
        }
        for rows, feed in tokenizer.feeds(batch[self._feature].tolist()):
            for name, values in self._named(self._run(self._names, feed, None)).items():
                answers[name][rows] = values
        return answers

    def _named(self, answers: list[NDArray[np.generic]]) -> Prediction:
        """Answers by name, in the shape and dtype the signature promises."""
        named: Prediction = {}
        for (name, dtype, shape), answer in zip(self._wanted, answers, strict=True):
            values = answer if answer.ndim == len(shape) else answer.reshape(shape)
            named[name] = values if values.dtype is dtype else values.astype(dtype)
        return named


def described(graph: bytes) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...], bool]:
    """The inputs and outputs of a graph, as a server that runs it would describe them.

    The last says whether it takes the tokens of a tokenizer that it brings along.

    Raises: GraphUnusable: the graph does not load.
    """
    session = _session(graph)
    takes_tokens = TOKENIZER in session.get_modelmeta().custom_metadata_map
    return _specs(session.get_inputs()), _specs(session.get_outputs()), takes_tokens


def _specs(tensors: Any) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=t.name,
            datatype=_DATATYPES.get(t.type, t.type),
            shape=tuple(n if isinstance(n, int) else -1 for n in t.shape),
        )
        for t in tensors
    )


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Neither an arena, which keeps what the largest batch ever took, nor a plan of memory per
    # batch size, which grows with every new size: one row is a tenth faster without (measured).
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise GraphUnusable(
            f"ONNX Runtime cannot load the graph: {reason(error)}",
            remedy="Check the file with onnx.checker, or package the model again.",
        ) from error


def reason(error: Exception) -> str:
    """What ONNX Runtime says, in one sentence without its error codes and places in its source."""
    if found := re.search(r"locale with name:([\w.-]+?)(?::|$|\s)", str(error)):
        return f"this machine has no locale {found[1]}, which it wants for texts."
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    words = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : |\S*\.(?:cc|h|cpp):\d+ \S*", "", first)
    words = re.sub(r"\bonnxruntime::\S+(?:\([^)]*\))?\s*", "", words)
    return " ".join(words.split())[:200].rstrip(" .:") + "."


def _texts(
    session: onnxruntime.InferenceSession, signature: Signature, *, alone: bool
) -> Texts | None:
    """The tokenizer that the graph brings along, which takes one feature of texts."""
    kinds = {i.name: i.type for i in session.get_inputs()}
    known = {n: _DTYPES[k] for n, k in kinds.items() if k in _DTYPES}
    found = texts_of(session, known, alone=alone)
    features = [(f.dtype, f.shape) for f in signature.features]
    if found is not None and features != [(Dtype.STRING, ())]:
        raise GraphUnusable(
            f"The graph takes one text a row, not {', '.join(signature.names)}.",
            remedy="Package the model again.",
        )
    return found


def _feeds(
    session: onnxruntime.InferenceSession, signature: Signature
) -> dict[str, np.dtype[np.generic]]:
    types = {i.name: i.type for i in session.get_inputs()}
    if unknown := [name for name, kind in types.items() if kind not in _DTYPES]:
        raise GraphUnusable(
            f"The graph's input {unknown[0]!r} has a type no feature can have.",
            remedy="Use tensors of float, double, int64, bool or string.",
        )
    feeds = {name: _DTYPES[kind] for name, kind in types.items()}
    if signature.matrix and len(feeds) != 1:
        raise GraphUnusable(
            f"The graph has {len(feeds)} inputs, not one matrix.",
            remedy="Export the model with one input for all features.",
        )
    named = {feature_of(name, signature.names) for name in feeds}
    extra = set() if signature.matrix else named - set(signature.names)
    if extra:
        raise GraphUnusable(
            f"The graph's input {sorted(extra)[0]!r} is no feature of the signature.",
            remedy="Export the model with the names of the signature.",
        )
    return feeds


def _rows_of(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The shape of a feature's rows where the graph takes them: one value may be a row of one."""
    return (-1, *shape) if shape or rank == 1 else (-1, 1)


def _input(
    column: Column, dtype: np.dtype[np.generic], shape: tuple[int, ...]
) -> NDArray[np.generic]:
    if dtype.kind == "O":
        flat = column.reshape(-1).tolist()
        column = np.asarray(["" if v is None else v for v in flat], dtype=object)
    elif column.dtype is not dtype:
        column = _cast(column, dtype)
    return column.reshape(shape)


def _cast(values: NDArray[Any], dtype: np.dtype[np.generic]) -> NDArray[Any]:
    """The values in another dtype; those too large become infinite, and nobody is warned of it."""
    with np.errstate(over="ignore"):
        return values.astype(dtype)
