"""The steps of a retraining in order: what each gives, and how often it is tried. What they do is
in `wiring.retraining.steps`."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.steps.workflow import Retry
from seatrial.training.retraining.records import (
    Approved,
    Judged,
    Looked,
    Registered,
    Released,
    Rows,
    Trained,
)

PROMOTED = "promoted"
"""The outcome of a retraining whose version took over."""

_PASSING = Retry(attempts=6, first_s=2.0, longest_s=120.0)
"""What may pass is waited for, some minutes: a database, a feature store, a full disk."""

_ENDED = Retry(attempts=5, first_s=2.0)
"""A training that was ended from outside is begun again; not for ever, since the want of memory
may have ended it. All else that it fails for would come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlined:
    """A step.

    Args:
        name: unique.
        gives: type of its output.
        retry: what happens when it fails.
        waits: whether it may wait for a person, or for days.
    """

    name: str
    gives: type
    retry: Retry
    waits: bool = False


OUTLINE = (
    Outlined(name="rows", gives=Rows, retry=_PASSING),
    Outlined(name="look", gives=Looked, retry=_PASSING),
    Outlined(name="train", gives=Trained, retry=_ENDED),
    Outlined(name="evaluate", gives=Judged, retry=_PASSING),
    Outlined(name="approve", gives=Approved, retry=Retry(), waits=True),
    Outlined(name="register", gives=Registered, retry=_PASSING),
    Outlined(name="release", gives=Released, retry=_PASSING, waits=True),
)
