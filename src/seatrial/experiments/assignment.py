"""Who gets which variant: a function of the experiment's name and the unit's key, and nothing else.

How it is drawn is in `release/trial.py`, for an endpoint splits its requests in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from seatrial.experiments.design import Experiment, Slots
from seatrial.kernel.errors import Conflict
from seatrial.release.trial import Arm, Trial


class SlotsTaken(Conflict):
    """Two experiments of one exclusion group would share units, or there is no room in it."""

    code = "experiment.slots_taken"


def assigned(experiment: Experiment, key: bytes) -> str | None:
    """The variant of a unit, or None where it is not in the experiment.

    Args: key: what identifies the user or session.
    """
    place = trial_of(experiment).place(key)
    return None if place is None else experiment.variants[place].name


def trial_of(experiment: Experiment, versions: Mapping[str, int] | None = None) -> Trial:
    """The split of an experiment.

    Args: versions: of an endpoint, by variant; None where it is split for something else.
    """
    slots = experiment.slots
    return Trial(
        experiment=experiment.name,
        arms=tuple(
            Arm(
                name=one.name,
                version=1 if versions is None else versions[one.name],
                share=one.share,
            )
            for one in experiment.variants
        ),
        traffic=experiment.traffic,
        group="" if slots is None else slots.group,
        start=0.0 if slots is None else slots.start,
        end=1.0 if slots is None else slots.end,
    )


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
