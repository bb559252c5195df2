"""How the release of a registered version stands, step by step, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from seatrial.release.rollout import Phase


class Ended(StrEnum):
    """The ways an arrival can end."""

    PROMOTED = "promoted"
    """It has all traffic."""
    STAGED = "staged"
    """It passed what it was to pass; it was not to go further."""
    UNCHANGED = "unchanged"
    """This very bundle is in production already."""
    WORSE = "worse"
    """It is worse than the version in production."""
    CANNOT_TELL = "cannot_tell"
    """The rows cannot tell whether it is worse."""
    REJECTED = "rejected"
    """It failed its staging tests."""
    ABORTED = "aborted"
    """Its canary failed, or a person ended it."""
    FAILED = "failed"
    """It could not be fetched, packaged or evaluated."""


GOOD = frozenset({Ended.PROMOTED, Ended.STAGED, Ended.UNCHANGED})
"""Ends that nobody has to look into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalInput:
    """What a run is started with.

    Args:
        source: the registry: ``mlflow`` or ``own``.
        model: its name there, and ``number`` of the version.
        endpoint: where it is released to.
        cause: see `seen.Cause`.
        revision: of the event among those of the model.
        alias: that was moved, or "".
    """

    source: str
    model: str
    number: int
    endpoint: str
    cause: str
    revision: int
    alias: str = ""

    @property
    def key(self) -> str:
        """The run's: the same however often the event is met."""
        again = "" if self.cause == "registered" else f".{self.revision}"
        return f"{self.endpoint}@{self.source}:{self.number}{again}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the steps so far gave; each step hands it on.

    Args:
        version: of our catalogue, or None before it is registered.
        digest: of its bundle.
        label: the column it predicts, or None.
        holdout: rows it is evaluated on, or None.
        given: folder of an evaluation that was handed in, or None.
        release: id of its release, or "".
        ended: how it ended; None while it is under way. Later steps do nothing then.
        reason: why.
        code: of the error it failed with, or "".
        evaluated: outcome of the evaluation, or "" where there was none.
    """

    version: int | None = None
    digest: str = ""
    label: str | None = None
    holdout: str | None = None
    given: str | None = None
    release: str = ""
    ended: Ended | None = None
    reason: str = ""
    code: str = ""
    evaluated: str = ""


_ENDS: Mapping[Phase, Ended] = {
    Phase.PROMOTED: Ended.PROMOTED,
    Phase.STAGED: Ended.STAGED,
    Phase.REJECTED: Ended.REJECTED,
    Phase.ABORTED: Ended.ABORTED,
}


def end_of(phase: Phase) -> Ended | None:
    """How a release in a phase ended, or None while it has not."""
    return _ENDS.get(phase)


VERDICT, REASON, VERSION, CARD = (
    "seatrial.verdict",
    "seatrial.reason",
    "seatrial.version",
    "seatrial.card",
)
"""The tags that are written back into the registry."""


def tags_of(standing: Standing, *, card: str | None) -> dict[str, str]:
    """What the registry is told of the end.

    Args: card: address of the model card, or None where there is none.
    """
    tags = {VERDICT: str(standing.ended or ""), REASON: standing.reason}
    if standing.version is not None:
        tags[VERSION] = str(standing.version)
    if card is not None:
        tags[CARD] = card
    return tags
