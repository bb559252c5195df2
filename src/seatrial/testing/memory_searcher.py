"""A search at random whose memory outlives the object, as a file's would."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from seatrial.training.search.searcher import End, Plan, Tally, Trial
from seatrial.training.search.space import Choice, Range, Real, Tried, Whole


@dataclass(slots=True)
class Study:
    """What searches of one plan have learned."""

    proposed: list[Tried] = field(default_factory=list)
    ended: dict[int, End] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    again: list[Tried] = field(default_factory=list)


class MemorySearcher:
    """`training.search.searcher.Searcher` that draws at random.

    Args:
        plan: of the search.
        study: what was learned before; what is learned goes there.
        prune_at: steps from which a trial is to be ended, by its number.
    """

    def __init__(self, plan: Plan, study: Study, *, prune_at: dict[int, int] | None = None) -> None:
        self._plan = plan
        self._study = study
        self._prune_at = prune_at or {}
        for number, parameters in enumerate(study.proposed):
            if number not in study.ended and number not in study.killed:
                study.killed.add(number)
                study.again.append(parameters)

    def ask(self) -> Trial:
        """See Searcher."""
        study = self._study
        number = len(study.proposed)
        if study.again:
            parameters = study.again.pop(0)
        else:
            draw = random.Random(self._plan.seed * 1_000_003 + number)
            parameters = {name: _drawn(one, draw) for name, one in self._plan.space.items()}
        study.proposed.append(parameters)
        return Trial(number=number, parameters=parameters)

    def report(self, number: int, step: int, value: float) -> bool:  # noqa: ARG002
        """See Searcher."""
        return step >= self._prune_at.get(number, 1 << 62)

    def tell(self, number: int, end: End, value: float | None = None) -> None:
        """See Searcher."""
        self._study.ended[number] = end
        if end is End.DONE and value is not None:
            self._study.values[number] = value

    def tally(self) -> Tally:
        """See Searcher."""
        values = self._study.values
        sign = -1 if self._plan.maximize else 1
        best = min(values, key=lambda number: sign * values[number], default=None)
        return Tally(
            ended=dict(self._study.ended),
            best=best,
            value=None if best is None else values[best],
        )


def _drawn(one: Range, draw: random.Random) -> bool | int | float | str | None:
    match one:
        case Whole():
            return draw.randrange(one.low, one.high + 1, one.step)
        case Real():
            if one.log:
                return math.exp(draw.uniform(math.log(one.low), math.log(one.high)))
            return draw.uniform(one.low, one.high)
        case Choice():
            return draw.choice(one.values)
