"""What was seen of a model in a registry, and which events follow from what is there now.

Polling sees states, not moves. So what was seen last is kept as facts, and a difference is an
event: appended by compare-and-swap, it is one event however many servers look, and however often.
An alias that seatrial moves itself is announced here before it is moved, and is no event when it is
seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from seatrial.kernel.events import Draft, Fact

FOLLOWED = "registry.followed"
VERSION_SEEN = "registry.version_seen"
ALIAS_SEEN = "registry.alias_seen"
ALIAS_SET = "registry.alias_set"
ASKED_AGAIN = "registry.asked_again"
PACKAGED = "registry.packaged"
PREFIX = "followed/"

LATE = 50
"""So many numbers under the newest are looked at again: one may get ready after a newer one."""


class Cause(StrEnum):
    """Why a version is to be released."""

    REGISTERED = "registered"
    ALIAS = "alias"
    ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event: a version that is to be released.

    Args:
        cause: what happened.
        number: of the version, in the registry.
        revision: of the fact that says so; earlier ones come first.
        alias: that was moved, or "".
        came_from: number the alias pointed at before, or None.
    """

    cause: Cause
    number: int
    revision: int
    alias: str = ""
    came_from: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a model in a registry.

    Args:
        revision: of the stream; 0 before the first look.
        numbers: of the versions that were seen.
        alias: number at which the followed alias was seen last, or None.
        announced: where seatrial is about to move the alias, or None; until it is seen there,
            ``alias`` is where it was before.
        arrivals: the events, in order.
        packaged: version of our catalogue by number in the registry.
    """

    revision: int = 0
    numbers: frozenset[int] = frozenset()
    alias: int | None = None
    announced: int | None = None
    arrivals: tuple[Arrival, ...] = ()
    packaged: Mapping[int, int] = field(default_factory=dict)

    @property
    def after(self) -> int:
        """Versions over this number may be new."""
        return max(max(self.numbers, default=0) - LATE, 0)


def fold(facts: Iterable[Fact]) -> Seen:
    """What the facts of a stream make known; kinds that are not known here change nothing."""
    seen = Seen()
    for fact in facts:
        change = _CHANGES.get(fact.kind)
        after = seen if change is None else change(seen, fact)
        seen = replace(after, revision=fact.revision)
    return seen


def decide(
    seen: Seen,
    *,
    numbers: Iterable[int],
    every: bool,
    alias: str | None = None,
    at: int | None = None,
    from_the_start: bool = False,
) -> list[Draft]:
    """What to append for what the registry says now; nothing where nothing is new.

    At the first look, only the newest version is an event: older ones are history.

    Args:
        numbers: versions that are there, of those over ``seen.after``.
        every: whether each of them is an event.
        alias: the alias whose moves are events, or None.
        at: number it points at, or None.
        from_the_start: whether older versions are events at the first look, too.
    """
    drafts: list[Draft] = []
    fresh = sorted(set(numbers) - seen.numbers)
    if not seen.revision and not from_the_start:
        known = fresh[:-1] if every else fresh
        drafts.append(_draft(FOLLOWED, numbers=known))
        fresh = fresh[len(known) :]
    drafts += [_draft(VERSION_SEEN, number=number, event=every) for number in fresh]
    if alias is not None and at != seen.alias:
        ours = seen.announced is not None and at == seen.announced
        event = at is not None and not ours
        drafts.append(_draft(ALIAS_SEEN, alias=alias, number=at, event=event))
    return drafts


def announce(alias: str, number: int) -> Draft:
    """That seatrial is about to move an alias itself."""
    return _draft(ALIAS_SET, alias=alias, number=number)


def ask_again(number: int, *, by: str) -> Draft:
    """A person wants a version to be tried once more."""
    return Draft(kind=ASKED_AGAIN, data={"number": number}, by=by)


def packaged(number: int, version: int) -> Draft:
    """Which version of our catalogue a version of the registry is."""
    return _draft(PACKAGED, number=number, version=version)


def _draft(kind: str, **data: object) -> Draft:
    return Draft(kind=kind, data=data, by="registry")


def _followed(seen: Seen, fact: Fact) -> Seen:
    return replace(seen, numbers=frozenset(_data(fact)["numbers"]))


def _version_seen(seen: Seen, fact: Fact) -> Seen:
    data = _data(fact)
    known = replace(seen, numbers=seen.numbers | {data["number"]})
    return _arrived(known, fact, Cause.REGISTERED) if data["event"] else known


def _alias_seen(seen: Seen, fact: Fact) -> Seen:
    data = _data(fact)
    moved = replace(seen, alias=data["number"], announced=None)
    if not data["event"]:
        return moved
    return _arrived(moved, fact, Cause.ALIAS, alias=data["alias"], came_from=seen.alias)


def _alias_set(seen: Seen, fact: Fact) -> Seen:
    return replace(seen, announced=_data(fact)["number"])


def _asked_again(seen: Seen, fact: Fact) -> Seen:
    return _arrived(seen, fact, Cause.ASKED)


def _packaged(seen: Seen, fact: Fact) -> Seen:
    data = _data(fact)
    return replace(seen, packaged={**seen.packaged, data["number"]: data["version"]})


_CHANGES: Mapping[str, Callable[[Seen, Fact], Seen]] = {
    FOLLOWED: _followed,
    VERSION_SEEN: _version_seen,
    ALIAS_SEEN: _alias_seen,
    ALIAS_SET: _alias_set,
    ASKED_AGAIN: _asked_again,
    PACKAGED: _packaged,
}
KINDS = tuple(_CHANGES)
"""The kinds of facts of these streams."""


def _data(fact: Fact) -> Mapping[str, Any]:
    return fact.data


def _arrived(
    seen: Seen, fact: Fact, cause: Cause, *, alias: str = "", came_from: int | None = None
) -> Seen:
    arrival = Arrival(
        cause=cause,
        number=int(str(fact.data["number"])),
        revision=fact.revision,
        alias=alias,
        came_from=came_from,
    )
    return replace(seen, arrivals=(*seen.arrivals, arrival))
