"""Facts: what happened, appended to a stream and never changed.

A stream is one history, such as ``endpoint/churn``. State is a fold over the facts of a stream, so
it can always be rebuilt, audited and resumed. This module holds the record and its two forms; the
places that keep it are in `kernel/store.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.kernel.errors import Invalid
from seatrial.kernel.plain import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact not yet appended.

    Args:
        kind: dotted past tense, such as ``release.started``; owned by one package.
        data: JSON-able mapping; its shape is fixed by ``kind`` and ``schema``.
        schema: version of the shape of ``data``, from 1.
        by: who did it: a person, ``controller`` or ``deploy``.
    Raises: Invalid (NotPlain for a name); ``data`` is looked at when the fact is appended.
    """

    kind: str
    data: Mapping[str, object] = field(default_factory=dict)
    schema: int = 1
    by: str = "seatrial"

    def __post_init__(self) -> None:
        check_name(self.kind, "kind")
        check_name(self.by, "author")
        if self.schema < 1:
            raise Invalid(
                f"The schema of {self.kind} is {self.schema!r}; versions count from 1.",
                remedy="Give the version of the shape of its data.",
                field="schema",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact as the log keeps it.

    Args:
        seq: position in the whole log, growing by at least one with each fact, from 1.
        stream: the history it belongs to.
        revision: position in its stream, growing by exactly one, from 1.
        at: when the log took it, aware UTC; for people: nothing is decided by it.
        damage: why ``data`` could not be read and is empty; "" when it could.
    """

    seq: int
    stream: str
    revision: int
    kind: str
    schema: int
    data: Mapping[str, object]
    at: datetime
    by: str
    damage: str = ""
