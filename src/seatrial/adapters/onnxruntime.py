"""ONNX Runtime in this process: the engine of the hot path.

One thread per session: workers are processes, and a second thread only adds hand-overs. Making
the graph is the exporters' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Batch, Column, Dtype, Output, Prediction, Signature

_DTYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
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
        self._feeds = _feeds(self._session, signature)
        self._outputs = signature.outputs
        self._names = [o.name for o in signature.outputs]
        missing = set(self._names) - {o.name for o in self._session.get_outputs()}
        if missing:
            raise GraphUnusable(
                f"The graph has no output {sorted(missing)[0]!r}.",
                remedy="Name the graph's outputs as in the signature.",
            )
        self._matrix = signature.matrix
        self._input, self._dtype = next(iter(self._feeds.items()))
        # The public run() checks names and types again, a fifth of the cost of one row.
        self._run: Callable[..., list[NDArray[np.generic]]] = self._session._sess.run

    @classmethod
    def from_path(cls, path: Path, signature: Signature) -> OnnxEngine:
        """The engine of an ONNX file."""
        return cls(path.read_bytes(), signature)

    def predict(self, batch: Batch, chunk_rows: int | None = None) -> Prediction:
        """See ``Engine``; ``chunk_rows`` cuts the batch into calls of so many rows."""
        feed = self._feed(batch)
        if chunk_rows is not None and chunk_rows < len(batch if self._matrix else feed[self._input]):
            return self._in_chunks(feed, chunk_rows)
        answers = self._run(self._names, feed, None)
        return {
            output.name: values
            if values.dtype == output.dtype.numpy and output.width is not None
            else _fit(values, output)
            for output, values in zip(self._outputs, answers, strict=True)
        }

    def close(self) -> None:
        """See ``Engine``."""
        del self._run, self._session

    def _feed(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        if not isinstance(batch, dict):
            if batch.dtype != self._dtype:
                batch = batch.astype(self._dtype)
            return {self._input: batch}
        return {name: _input(batch[name], dtype) for name, dtype in self._feeds.items()}

    def _in_chunks(self, feed: dict[str, NDArray[np.generic]], chunk_rows: int) -> Prediction:
        n = len(feed[self._input])
        parts = [
            self._run(self._names, {k: v[i : i + chunk_rows] for k, v in feed.items()}, None)
            for i in range(0, n, chunk_rows)
        ]
        return {
            output.name: _fit(np.concatenate(column), output)
            for output, column in zip(self._outputs, zip(*parts, strict=True), strict=True)
        }


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Grow by what is asked for: the default doubles, which costs memory for no speed here.
    options.add_session_config_entry("session.use_env_allocators", "0")
    provider = ("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    try:
        return onnxruntime.InferenceSession(graph, options, providers=[provider])
    except Exception as error:
        raise GraphUnusable(
            f"ONNX Runtime cannot load the graph: {str(error)[:300]}",
            remedy="Check the file with onnx.checker, or package the model again.",
        ) from error


def _feeds(session: onnxruntime.InferenceSession, signature: Signature) -> dict[str, Any]:
    feeds = {i.name: _DTYPES.get(i.type) for i in session.get_inputs()}
    unknown = [name for name, dtype in feeds.items() if dtype is None]
    if unknown:
        raise GraphUnusable(
            f"The graph's input {unknown[0]!r} has a type no feature can have.",
            remedy="Use tensors of float, double, int64, bool or string.",
        )
    if signature.matrix and len(feeds) != 1:
        raise GraphUnusable(
            f"The graph has {len(feeds)} inputs, not one matrix.",
            remedy="Export the model with one input for all features.",
        )
    extra = set() if signature.matrix else set(feeds) - set(signature.names)
    if extra:
        raise GraphUnusable(
            f"The graph's input {sorted(extra)[0]!r} is no feature of the signature.",
            remedy="Export the model with the names of the signature.",
        )
    return feeds


def _input(column: Column, dtype: Any) -> NDArray[np.generic]:
    if dtype is np.object_:
        column = np.asarray(["" if v is None else v for v in column], dtype=object)
    elif column.dtype != dtype:
        column = column.astype(dtype)
    return column.reshape(-1, 1)


def _fit(values: NDArray[np.generic], output: Output) -> NDArray[np.generic]:
    """The shape and dtype the signature promises."""
    if output.width is None and values.ndim == 2:
        values = values.reshape(len(values))
    elif output.width is not None and values.ndim == 1:
        values = values.reshape(-1, 1)
    if output.dtype is Dtype.STRING or values.dtype == output.dtype.numpy:
        return values
    return values.astype(output.dtype.numpy)
