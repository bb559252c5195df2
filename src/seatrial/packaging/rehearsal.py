"""Graphs are opened and run in a guarded child process first, and nowhere else before.

A graph is native code's input: one that crashes ONNX Runtime would take a worker with it, and all
that the worker serves. What has run here may be opened by workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.packaging.session import ModelSession
from seatrial.registry.signature import Batch, Prediction, Signature
from seatrial.serving.spawn import ChildLimits

K = TypeVar("K")


class GraphFails(Invalid):
    """An ONNX graph cannot be opened or run, or ended the process that tried."""

    code = "packaging.graph_fails"


class Rehearsal:
    """A child process for graphs, started at first need. A context manager; calls block.

    Args:
        limits: what the process may use.
        start: gives an entered session; one of the limits where nobody says otherwise.
    """

    def __init__(
        self,
        *,
        limits: ChildLimits | None = None,
        start: Callable[[], ModelSession] | None = None,
    ) -> None:
        self._start = start or (lambda: ModelSession(limits=limits).__enter__())
        self._session: ModelSession | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(kind, error, trace)

    def run(
        self, graph: bytes, signature: Signature, batches: Mapping[K, Batch]
    ) -> dict[K, Prediction]:
        """What a graph answers to some batches.

        Args:
            graph: the file's bytes.
            signature: whose inputs and outputs the graph has.
            batches: by any key; each fits the signature.
        Raises: GraphFails; the next graph gets a process of its own then.
        """
        try:
            if self._session is None:
                self._session = self._start()
            self._session.open_graph(graph, signature)
            return {key: self._session.run_graph(batch) for key, batch in batches.items()}
        except SeatrialError as error:
            self.__exit__(type(error), error, None)
            raise GraphFails(
                f"The ONNX graph cannot be run: {error.problem}",
                remedy="Export the model again, or deploy the model's own file.",
            ) from error
