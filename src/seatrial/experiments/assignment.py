"""Who gets which variant: a function of the experiment's name and the unit's key, and nothing else.

Each variant draws a number for each key, and the highest draw, weighted, wins (weighted rendezvous
hashing; Schindelhauer, Schomaker 2005, SPAA). So a variant whose share grows takes units from
others and loses none, one that is added takes units only into itself, and one that is removed gives
its units to the others. Staying outside is one more draw, of what the traffic leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from seatrial.experiments.design import Experiment, Slots
from seatrial.kernel.errors import Conflict
from seatrial.release.variant import position

_HALF_STEP = 2.0**-33
"""Half of the step of `position`: a draw is never 0, whose logarithm has no value."""


class SlotsTaken(Conflict):
    """Two experiments of one exclusion group would share units, or there is no room in it."""

    code = "experiment.slots_taken"


def assigned(experiment: Experiment, key: bytes) -> str | None:
    """The variant of a unit, or None where it is not in the experiment.

    Args: key: what identifies the user or session.
    """
    slots = experiment.slots
    if slots is not None and not slots.start <= group_position(slots.group, key) < slots.end:
        return None
    best, winner = math.inf, None
    outside = 1 - experiment.traffic
    if outside > 0:
        best = _wait(experiment.name, "", key) / outside
    for variant, share in zip(experiment.variants, experiment.shares, strict=True):
        wait = _wait(experiment.name, variant.name, key) / (share * experiment.traffic)
        if wait < best:
            best, winner = wait, variant.name
    return winner


def _wait(name: str, what: str, key: bytes) -> float:
    """An exponential draw: the smallest of several, each divided by its share, wins by share.

    The length keeps apart the names ``a/b``, ``c`` and ``a``, ``b/c``.
    """
    return -math.log(position(f"experiment/{len(name)}/{name}/{what}", key) + _HALF_STEP)


def group_position(group: str, key: bytes) -> float:
    """Where a unit stands in an exclusion group, in [0, 1); whatever its experiments are."""
    return position(f"group/{group}", key)


def check_disjoint(experiments: Iterable[Experiment]) -> None:
    """Raises: SlotsTaken: two experiments of one group have slots in common."""
    for before, after, first, second in _neighbours(experiments):
        if after.start < before.end:
            raise SlotsTaken(
                f"{first!r} and {second!r} both take {after.start:g} to "
                f"{min(before.end, after.end):g} of {after.group!r}.",
                remedy="Give them slots that do not overlap, or wait until one has ended.",
                group=after.group,
            )


def room(experiments: Sequence[Experiment], group: str, share: float) -> Slots:
    """The first free slots of a group that are wide enough.

    Args: experiments: those that run; share: of the group's units, in (0, 1].
    Raises: SlotsTaken: there is not so much room in one piece.
    """
    taken = sorted(
        (e.slots.start, e.slots.end)
        for e in experiments
        if e.slots is not None and e.slots.group == group
    )
    start, most = 0.0, 0.0
    for begin, end in (*taken, (1.0, 1.0)):
        most = max(most, begin - start)
        if begin - start >= share - 1e-12:
            return Slots(group=group, start=start, end=min(1.0, start + share))
        start = max(start, end)
    raise SlotsTaken(
        f"{share:g} of {group!r} is asked for, and the widest room is {most:g}.",
        remedy="Ask for less, or wait until an experiment of the group has ended.",
        group=group,
    )


def _neighbours(experiments: Iterable[Experiment]) -> list[tuple[Slots, Slots, str, str]]:
    placed = sorted(
        ((e.slots.group, e.slots.start, e.slots.end, e.name) for e in experiments if e.slots),
    )
    return [
        (
            Slots(group=a[0], start=a[1], end=a[2]),
            Slots(group=b[0], start=b[1], end=b[2]),
            a[3],
            b[3],
        )
        for a, b in pairwise(placed)
        if a[0] == b[0]
    ]
