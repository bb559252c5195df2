"""How far events have gone, out and in, as folds over facts of the store. Pure.

``events/out`` says up to where the log was published; ``events/in`` which events had their effect.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft, Fact

PREFIX: Final = "events/"
OUT, IN = PREFIX + "out", PREFIX + "in"
OPENED, PUBLISHED, RECEIVED = "events.opened", "events.published", "events.received"
KINDS = (OPENED, PUBLISHED, RECEIVED)
SCHEMA = 1

REMEMBERED = 100_000
"""Newest events that are known again when they come once more."""

EXAMPLES = 20
"""Rejected events that are kept of one batch, and shown of all."""


class JournalUnreadable(Invalid):
    """The log holds a fact of events that this version cannot read."""

    code = "events.journal_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What went out.

    Args:
        installation: a name that no other installation has; "" before the first look.
        position: every fact up to this ``seq`` was published, or is of a kind that is not.
        n: events published.
        at: when the newest was.
    """

    installation: str = ""
    position: int = 0
    n: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event that had no effect, and never will.

    Args:
        place: where the broker had it.
        type, id: as far as they could be read.
        code, problem: why.
    """

    place: str
    type: str
    id: str
    code: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came in.

    Args:
        ids: prints of the newest events that had their effect, oldest first.
        counts: events by type and outcome.
        rejected: the newest, oldest first.
        at: when the newest came.
    """

    ids: Mapping[str, None] = field(default_factory=dict)
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    at: datetime | None = None


def print_of(source: str, id: str) -> str:  # noqa: A002
    """What an event is known by again: 64 bits of a hash over its source and its id."""
    return hashlib.sha256(f"{source}\0{id}".encode()).hexdigest()[:16]


def opened(installation: str, position: int) -> Draft:
    """Publishing begins after a position."""
    return _draft(OPENED, installation=installation, position=position)


def published(position: int, n: int) -> Draft:
    """All is published up to a position: ``n`` events more."""
    return _draft(PUBLISHED, position=position, n=n)


def received(
    ids: Sequence[str], counts: Mapping[tuple[str, str], int], rejected: Sequence[Rejected]
) -> Draft:
    """A batch came."""
    said = [
        {
            "place": one.place,
            "type": one.type,
            "id": one.id,
            "code": one.code,
            "problem": one.problem,
        }
        for one in rejected[-EXAMPLES:]
    ]
    counted = [[kind, outcome, n] for (kind, outcome), n in sorted(counts.items())]
    return _draft(RECEIVED, ids=list(ids), counts=counted, rejected=said)


def fold_sent(sent: Sent, facts: Sequence[Fact]) -> Sent:
    """After more facts of ``events/out``.   Raises: JournalUnreadable."""
    for fact in facts:
        data = _data(fact, OPENED, PUBLISHED)
        position = int(data["position"])
        if fact.kind == OPENED:
            sent = replace(sent, installation=str(data["installation"]), position=position)
        else:
            sent = replace(sent, position=position, n=sent.n + int(data["n"]), at=fact.at)
    return sent


def fold_taken(taken: Taken, facts: Sequence[Fact]) -> Taken:
    """After more facts of ``events/in``.   Raises: JournalUnreadable."""
    ids, counts, rejected = dict(taken.ids), Counter(dict(taken.counts)), list(taken.rejected)
    at = taken.at
    for fact in facts:
        data = _data(fact, RECEIVED)
        ids.update(dict.fromkeys(data["ids"]))
        for kind, outcome, n in data["counts"]:
            counts[kind, outcome] += n
        rejected += [Rejected(**one) for one in data["rejected"]]
        at = fact.at
    for old in list(ids)[: max(0, len(ids) - REMEMBERED)]:
        del ids[old]
    return Taken(ids=ids, counts=counts, rejected=tuple(rejected[-EXAMPLES:]), at=at)


def _data(fact: Fact, *kinds: str) -> Mapping[str, Any]:
    if fact.schema != SCHEMA or fact.kind not in kinds:
        raise JournalUnreadable(
            f"The fact {fact.kind!r} of {fact.stream} has a form nobody knows here.",
            remedy="Upgrade seatrial to the version that wrote it.",
            kind=fact.kind,
        )
    return fact.data


def _draft(kind: str, **data: object) -> Draft:
    return Draft(kind=kind, data=data, schema=SCHEMA, by="events")
