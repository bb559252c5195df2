"""DSPy: an index of seatrial as a retriever. As a language model, `rag/NAME` of a server is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seatrial.kernel.errors import MissingExtra
from seatrial.rag.knowledge.record import found_record
from seatrial.rag.knowledge.searching import Searches

if TYPE_CHECKING:
    from dspy import Prediction


def dspy_retriever(knowledge: Searches, **asked: Any) -> Callable[..., Prediction]:
    """An index as what DSPy's programs call to retrieve: ``passages`` are texts, ``citations``
    tell where each stands.

    Args: as `langchain_retriever`.   Raises: MissingExtra: dspy is not installed.
    """
    try:
        from dspy import Prediction
    except ImportError as error:
        raise MissingExtra("dspy", "dspy") from error

    def retrieve(query: str, k: int | None = None) -> Prediction:
        found = knowledge.search(query, **(asked | ({} if k is None else {"k": k}))).found
        records = [found_record(rank, one) for rank, one in enumerate(found, start=1)]
        return Prediction(passages=[one.pop("text") for one in records], citations=records)

    return retrieve
