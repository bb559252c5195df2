"""What people who look after indexes ask: how each stands, its versions, how good it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from seatrial.kernel.errors import Conflict
from seatrial.rag.answering.reply import Citation
from seatrial.rag.index.writing import VersionFacts
from seatrial.rag.knowledge.asked import Knowledge, KnowledgeFacts


class IndexIsReleased(Conflict):
    """The versions of an index are released, so that which one answers is decided there."""

    code = "rag.index_is_released"


class KeptMean(msgspec.Struct, frozen=True, kw_only=True):
    """A metric over the questions that it applies to.

    Args: interval: its bounds at 95 %; None where one is not finite.
    """

    mean: float
    interval: tuple[float | None, float | None]
    n: int


class KeptEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What `seatrial rag eval` found of a version, and when.

    Args:
        at: aware.
        k: documents of a ranking that count.
        metrics: by `evaluation.Metric`.
    """

    at: datetime
    version: int
    k: int
    metrics: Mapping[str, KeptMean]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvaluations:
    """Evaluations of an index, the oldest first.

    Args: n_unreadable: files that hold none.
    """

    found: Sequence[KeptEvaluation]
    n_unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The text before and after a citation.

    Args: begins, ends: whether the document does so there.
    """

    before: str
    after: str
    begins: bool
    ends: bool


class KnowledgeDesk(Protocol):
    """Shows indexes, and decides on them. Of these methods those that are no coroutines block."""

    @property
    def knowledge(self) -> Knowledge:
        """Who is searched and asked, on the event loop."""
        ...

    def names(self) -> Sequence[str]:
        """Indexes that are configured, sorted."""
        ...

    def facts(self, name: str) -> KnowledgeFacts:
        """Of the version in production, else of the live one.

        Raises: KnowledgeUnknown; IndexNotFound: none was built yet; Unavailable.
        """
        ...

    def build_command(self, name: str) -> str:
        """What builds a version, as one types it.   Raises: KnowledgeUnknown."""
        ...

    def versions(self, name: str) -> Sequence[VersionFacts]:
        """Those that are kept, the newest last; none where none was built.

        Raises: KnowledgeUnknown, Unavailable.
        """
        ...

    def is_released(self, name: str) -> bool:
        """Whether an endpoint of this name decides which version answers."""
        ...

    def activate(self, name: str, version: int) -> None:
        """Let another version answer.

        Raises: KnowledgeUnknown, IndexNotFound, IndexIsReleased, Unavailable.
        """
        ...

    def evaluations(self, name: str) -> KeptEvaluations:
        """What was found of its versions.   Raises: KnowledgeUnknown, Unavailable."""
        ...

    async def surroundings(
        self, name: str, version: int, citation: Citation, *, reach: int
    ) -> Surroundings:
        """The text around a citation of a reply that its reader got.

        Args: reach: characters on either side.
        Raises: KnowledgeUnknown, NotFound (the version or the document is gone), Unavailable.
        """
        ...
