"""An expectation corrected by the labels there are: how well does a model do now?

A window's performance is what one expects of it without labels (`stats/calibration.py`) plus a bias
b: what the world has changed since the reference. b moves, slowly or all at once, and labels show
it: a few rows labelled at random soon after (an audit), and whole windows much later. The mean of
"what happened minus what was expected" over labelled rows is an unbiased reading of b whatever the
expectation is worth; this is the prediction-powered estimate of Angelopoulos et al. 2023,
Science 382:669. A Kalman filter weighs the readings.

How fast b moves is not known, and no one pace serves: tuned to wander, the filter sees a break too
late; tuned to breaks, it jumps after noise. So three paces run side by side, each believed as far
as it foretells the readings (interacting multiple models: Blom and Bar-Shalom 1988, IEEE Trans.
Autom. Control 33:780). The belief about b is a mixture of three normal laws, and its tails say how
likely a drop is.

Readings belong to the step their rows were predicted in. One for a past step, or a corrected one,
changes that step and everything after it is filtered anew, so the order of arrival does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.stats.calibration import Expectation
from seatrial.stats.counts import BadStatistic, Interval, check_share

PACES = (0.5, 2.0, 10.0)
"""How far b moves a window, in units, when the world is still, moving, or breaking.

A unit is the smallest change one would call one, a point of accuracy; so "still" is under it, and
"breaking" is more than what calls for an alarm. Chosen round; on real streams in both directions
of time and with two kinds of model, other paces of these sizes change little.
"""

LEAVES = (0.05, 0.1, 0.5)
"""Chance a window to leave each pace: stillness lasts 20 windows, a break two."""

ENTERS = (0.6, 0.3, 0.1)
"""What it is left for, and where one starts."""

COVERED_SHARE = 0.9
"""Labelled share of a step from which on its labels stand for all of its rows. Below it those that
came first may be the unusual ones, and only audited rows count."""

MAX_STEPS = 512
"""Steps kept; labels of older ones come too late to matter."""

_FLOOR_UNITS = 10.0
_LEAST_DENSITY = 1e-200


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """What happened minus what was expected, summed over labelled rows. Additive.

    Args:
        n: rows.
        total: sum of the differences.
        variance: sum of the rows' variances around their expectations, >= 0.
    """

    n: int = 0
    total: float = 0.0
    variance: float = 0.0

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals(
            n=self.n + other.n,
            total=self.total + other.total,
            variance=self.variance + other.variance,
        )

    def __neg__(self) -> Residuals:
        return Residuals(n=-self.n, total=-self.total, variance=-self.variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is held of b: a mixture of a normal law for each pace.

    Args: weights sum to 1; means in the unit of what is estimated; variances >= 0.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    variances: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The expected b."""
        return sum(w * m for w, m in zip(self.weights, self.means, strict=True))

    @property
    def variance(self) -> float:
        """The variance of b."""
        mean = self.mean
        parts = zip(self.weights, self.means, self.variances, strict=True)
        return sum(w * (v + (m - mean) ** 2) for w, m, v in parts)

    def chance_below(self, limit: float, *, more_variance: float = 0.0) -> float:
        """Chance that b, plus normal noise of so much variance, is under a limit."""
        parts = zip(self.weights, self.means, self.variances, strict=True)
        return sum(w * _normal_below(limit - m, v + more_variance) for w, m, v in parts)

    def interval(self, *, share: float = 0.9, more_variance: float = 0.0) -> Interval:
        """Where b lies with so much probability, as much left out below as above.

        Args: share in (0, 1).   Raises: BadStatistic.
        """
        check_share("share", share)
        tail = (1 - share) / 2
        return Interval(
            lower=self._quantile(tail, more_variance), upper=self._quantile(1 - tail, more_variance)
        )

    def _quantile(self, q: float, more_variance: float) -> float:
        """By Newton's method, with a step of bisection wherever it leaves the interval or is slow.

        Source: Press et al. 2007, Numerical Recipes, 3rd ed., section 9.4.
        """
        reach = 12 * math.sqrt(max(self.variances) + more_variance) + 1e-12
        low, high = min(self.means) - reach, max(self.means) + reach
        place, moved = self.mean, high - low
        for _ in range(120):
            off = self.chance_below(place, more_variance=more_variance) - q
            low, high = (place, high) if off < 0 else (low, place)
            density = self._density(place, more_variance)
            step = off / density if density > _LEAST_DENSITY else math.inf
            good = low < place - step < high and 2 * abs(step) <= moved
            before, place = place, place - step if good else (low + high) / 2
            moved = abs(place - before)
            if moved <= 1e-12 * reach:
                break
        return place

    def _density(self, place: float, more_variance: float) -> float:
        parts = zip(self.weights, self.means, self.variances, strict=True)
        spreads = ((w, place - m, v + more_variance) for w, m, v in parts)
        return sum(
            w * math.exp(-d * d / (2 * v)) / math.sqrt(2 * math.pi * v)
            for w, d, v in spreads
            if v > 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Some consecutive rows, a window or a part of one.

    Args:
        index: its place in time.
        windows: how much of a window it spans, > 0: the paces are per window.
        expected: what to expect of its rows without labels.
        audited: residuals of the rows chosen for labelling by chance.
        labelled: residuals of all rows whose labels have come, audited ones included.
    """

    index: int
    windows: float
    expected: Expectation
    audited: Residuals = Residuals()
    labelled: Residuals = Residuals()

    @property
    def reading(self) -> Residuals:
        """The labels that may be taken to stand for all rows; of no row when there are none."""
        covered = self.labelled.n >= COVERED_SHARE * self.expected.n
        return self.labelled if covered else self.audited


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The state of an estimate: immutable; `extend` and `revise` give the next one.

    Args:
        unit: the smallest change that is one, > 0: 0.01 for an accuracy.
        before: what is held before the oldest step that is kept.
        steps: the newest steps, ascending by index, at most MAX_STEPS.
        beliefs: what is held at each of them, given all readings up to it.
    """

    unit: float
    before: Belief
    steps: tuple[Step, ...] = ()
    beliefs: tuple[Belief, ...] = field(default=())

    @classmethod
    def start(cls, *, unit: float, variance: float) -> Fusion:
        """An estimate before the first step.

        Args:
            unit: > 0.
            variance: of b at first, >= 0: the sampling variance of the reference's own performance.
        Raises: BadStatistic.
        """
        if not unit > 0 or not variance >= 0:
            raise BadStatistic(
                f"A unit of {unit!r} and a variance of {variance!r} are no scale.",
                remedy="Give a unit over 0 and a variance of at least 0.",
            )
        n = len(PACES)
        return cls(
            unit=unit,
            before=Belief(weights=ENTERS, means=(0.0,) * n, variances=(variance,) * n),
        )

    @property
    def now(self) -> Belief:
        """What is held of b at the newest step."""
        return self.beliefs[-1] if self.beliefs else self.before

    @property
    def checked(self) -> int | None:
        """Place in ``steps`` of the newest one with a reading; None when no label has come."""
        return next(
            (i for i in range(len(self.steps) - 1, -1, -1) if self.steps[i].reading.n), None
        )


def extend(state: Fusion, step: Step) -> Fusion:
    """The state after a further step. The oldest step is dropped when there are too many.

    Raises: BadStatistic: the step is not after the others.
    """
    if state.steps and step.index <= state.steps[-1].index:
        raise BadStatistic(
            f"The step {step.index} comes after step {state.steps[-1].index}.",
            remedy="Give steps in ascending order; revise those that were given.",
        )
    belief = _after(state.now, step, state.unit)
    steps, beliefs, before = (*state.steps, step), (*state.beliefs, belief), state.before
    if len(steps) > MAX_STEPS:
        steps, before, beliefs = steps[1:], beliefs[0], beliefs[1:]
    return replace(state, before=before, steps=steps, beliefs=beliefs)


def revise(state: Fusion, changed: Mapping[int, Step]) -> Fusion:
    """The state with other contents for some of its steps, by index; unknown ones are left out.

    Everything after the first of them is filtered anew, so the result is that of steps that had
    these contents from the beginning.
    """
    places = [i for i, step in enumerate(state.steps) if step.index in changed]
    if not places:
        return state
    first = places[0]
    steps = tuple(changed.get(step.index, step) for step in state.steps)
    beliefs = list(state.beliefs[:first])
    belief = beliefs[-1] if beliefs else state.before
    for step in steps[first:]:
        belief = _after(belief, step, state.unit)
        beliefs.append(belief)
    return replace(state, steps=steps, beliefs=tuple(beliefs))


def expected_over(steps: Sequence[Step]) -> Expectation | None:
    """What to expect of several steps together without labels; None of none."""
    n = sum(step.expected.n for step in steps)
    if not n:
        return None
    parts = [(step.expected.n / n, step.expected) for step in steps]
    return Expectation(
        n=n,
        mean=sum(share * e.mean for share, e in parts),
        row_variance=sum(share * e.row_variance for share, e in parts),
        map_variance=sum(share * e.map_variance for share, e in parts),
    )


def _after(belief: Belief, step: Step, unit: float) -> Belief:
    return _seen(_moved(belief, step.windows, unit), step.reading, unit)


def _moved(belief: Belief, windows: float, unit: float) -> Belief:
    """Time passes: paces change, what is held under them mixes, and b moves by the pace."""
    leave = [1 - (1 - rate) ** windows for rate in LEAVES]
    leaving = sum(w * out for w, out in zip(belief.weights, leave, strict=True))
    weights, means, variances = [], [], []
    for to, pace in enumerate(PACES):
        flow = [w * out * ENTERS[to] for w, out in zip(belief.weights, leave, strict=True)]
        flow[to] += belief.weights[to] * (1 - leave[to])
        total = belief.weights[to] * (1 - leave[to]) + leaving * ENTERS[to]
        mean = sum(f * m for f, m in zip(flow, belief.means, strict=True)) / total
        spread = sum(
            f * (v + (m - mean) ** 2)
            for f, m, v in zip(flow, belief.means, belief.variances, strict=True)
        )
        weights.append(total)
        means.append(mean)
        variances.append(spread / total + (pace * unit) ** 2 * windows)
    return Belief(weights=tuple(weights), means=tuple(means), variances=tuple(variances))


def _seen(belief: Belief, reading: Residuals, unit: float) -> Belief:
    """Bayes' rule for a reading under each pace, and for the paces themselves."""
    if reading.n <= 0:
        return belief
    # The expectation may be sure of rows it is wrong about, so its own variance has a floor.
    noise = max(reading.variance / reading.n, (_FLOOR_UNITS * unit) ** 2) / reading.n
    off = [reading.total / reading.n - mean for mean in belief.means]
    spread = [v + noise for v in belief.variances]
    logs = [
        math.log(w) - 0.5 * (math.log(s) + o * o / s)
        for w, s, o in zip(belief.weights, spread, off, strict=True)
    ]
    top = max(logs)
    weights = [max(math.exp(x - top), 1e-12) for x in logs]
    total = sum(weights)
    gains = [v / s for v, s in zip(belief.variances, spread, strict=True)]
    return Belief(
        weights=tuple(w / total for w in weights),
        means=tuple(m + g * o for m, g, o in zip(belief.means, gains, off, strict=True)),
        variances=tuple(v * (1 - g) for v, g in zip(belief.variances, gains, strict=True)),
    )


def _normal_below(distance: float, variance: float) -> float:
    if variance <= 0:
        return float(distance > 0)
    return 0.5 * math.erfc(-distance / math.sqrt(2 * variance))
