"""A split between several versions of an endpoint, by user: what an experiment adds to a `Split`.

Each arm draws a number for each key, and the highest draw, weighted, wins (weighted rendezvous
hashing; Schindelhauer, Schomaker 2005, SPAA). So an arm whose share grows takes keys from others
and loses none, one that is added takes keys only into itself, and one that is removed gives its
keys to the others. Staying outside is one more draw, of what the traffic leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.kernel.errors import Invalid
from seatrial.release.position import position

_HALF_STEP = 2.0**-33
"""Half of the step of `position`: a draw is never 0, whose logarithm has no value."""


class BadTrial(Invalid):
    """An experiment's split that nobody could follow."""

    code = "release.bad_trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One of the things compared.

    Args:
        name: of the variant, which its draw depends on.
        version: of the endpoint, which answers for it; two arms may have the same.
        share: of the keys in the trial, in any unit, > 0.
    """

    name: str
    version: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How an experiment splits the keys of an endpoint.

    Args:
        experiment: its name, which the split depends on.
        arms: the control first, two or more.
        traffic: share of the keys it could have that it takes, in (0, 1].
        group: name of the exclusion group, or "" for none: a key is in one trial of a group.
        start, end: its place in the group, in [0, 1], start < end.
    Raises: BadTrial.
    """

    experiment: str
    arms: tuple[Arm, ...]
    traffic: float = 1.0
    group: str = ""
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        shares_hold = all(0 < arm.share < math.inf and arm.version >= 1 for arm in self.arms)
        if len(names) < 2 or len(set(names)) < len(names) or not shares_hold:
            raise BadTrial(
                f"The arms of {self.experiment!r} are {names}.",
                remedy="Give two or more of different names, with shares above 0.",
                experiment=self.experiment,
            )
        if not 0 < self.traffic <= 1 or not 0 <= self.start < self.end <= 1:
            raise BadTrial(
                f"{self.experiment!r} takes {self.traffic!r} of {self.start!r} to {self.end!r}.",
                remedy="Give a traffic in (0, 1], and two ends in [0, 1], the smaller first.",
                experiment=self.experiment,
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the arms, adding up to 1."""
        total = sum(arm.share for arm in self.arms)
        return tuple(arm.share / total for arm in self.arms)

    def place(self, key: bytes) -> int | None:
        """The place of a key's arm, or None where it is not in the trial."""
        if self.group and not self.start <= group_position(self.group, key) < self.end:
            return None
        outside = 1 - self.traffic
        weights = [share * self.traffic for share in self.shares]
        names = [arm.name for arm in self.arms]
        if outside > 0:
            weights.append(outside)
            names.append("")
        won = drawn(self.experiment, names, weights, key)
        return won if won < len(self.arms) else None

    def overlaps(self, other: Trial) -> bool:
        """Whether a key can be in both: they are of no group together, or overlap in it."""
        apart = self.end <= other.start or other.end <= self.start
        return not (self.group and self.group == other.group and apart)


def drawn(name: str, names: Sequence[str], weights: Sequence[float], key: bytes) -> int:
    """The place of the one that wins a key.

    Each has an exponential draw: the smallest of them, divided by its weight, wins by weight. The
    length keeps apart the names ``a/b``, ``c`` and ``a``, ``b/c``.

    Args: names, weights: of the same length, weights > 0.
    """
    best, winner = math.inf, 0
    for place, (what, weight) in enumerate(zip(names, weights, strict=True)):
        drew = position(f"experiment/{len(name)}/{name}/{what}", key) + _HALF_STEP
        wait = -math.log(drew) / weight
        if wait < best:
            best, winner = wait, place
    return winner


def group_position(group: str, key: bytes) -> float:
    """Where a key stands in an exclusion group, in [0, 1); whatever its experiments are."""
    return position(f"group/{group}", key)
