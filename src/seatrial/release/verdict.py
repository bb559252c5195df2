"""What a gate says: outcome, evidence, and a sentence for a person.

Deciding is `release/judge.py`'s business. A verdict carries every number its sentence has, and a
stable code, so that a page can draw it or say it in another language.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from seatrial.stats.counts import Interval


class Outcome(StrEnum):
    """What the evidence says."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


_BY_SEVERITY = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The most severe of some outcomes; INCONCLUSIVE when there are none: nothing was judged."""
    return max(outcomes, key=_BY_SEVERITY.index, default=Outcome.INCONCLUSIVE)


class Quantity(StrEnum):
    """What a gate measures."""

    ERROR_RATE = "error_rate"
    LATENCY = "latency"
    REFUSED_RATE = "refused_rate"
    UNPARSED_RATE = "unparsed_rate"
    SCORE_LOST = "score_lost"
    """What answers lack to a score of 1, in the mean."""
    COST = "cost"

    @property
    def is_rate(self) -> bool:
        """Whether its values are rates in [0, 1], and not milliseconds or dollars."""
        return self not in (Quantity.LATENCY, Quantity.COST)


class Code(StrEnum):
    """Why the outcome is what it is."""

    UNDER_LIMIT = "gate.under_limit"
    OVER_LIMIT = "gate.over_limit"
    MORE_REQUESTS = "gate.more_requests"
    TOO_CLOSE = "gate.too_close"
    NO_REQUESTS = "gate.no_requests"
    NO_STABLE_REQUESTS = "gate.no_stable_requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was seen of one variant.

    Args:
        n: answers; with the requests refused where these are what is measured.
        n_events: those that count against it: errors, answers slower than the limit, refusals,
            answers that cannot be parsed; of scores, what they lack to 1 added up, rounded; of
            costs 0.
        value: the rate or mean in [0, 1], the latency quantile in ms, or the mean cost in USD; None
            without answers.
    """

    n: int
    n_events: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one gate, with its evidence.

    ``effect``, ``interval`` and ``limit`` share a unit: a rate or a difference of rates in
    [-1, 1], a latency in ms, or a cost in USD. The gate passes just when
    ``interval.upper <= limit`` and fails just when ``interval.lower >= limit``.

    Args:
        gate: its name, such as ``error_rate`` or ``p95_against_stable``.
        quantity: what is measured.
        outcome: what the evidence says.
        code: why.
        effect: the estimate; None without answers.
        interval: where the truth lies, at every look; infinite where nothing is known.
        limit: what the effect is held against. For a latency or a cost against stable it follows
            from the stable's own interval.
        canary: what was seen of the version on trial.
        stable: what was seen of the version in production; None for an absolute gate.
        n_needed: further answers until the gate passes if no more events come; None unless
            inconclusive.
        n_expected: the same if events go on at the rate seen; None unless inconclusive, or when no
            number would do.
        alpha: chance that the interval's upper bound is ever wrong: that the gate passes wrongly.
        alpha_fail: chance that the lower bound is ever wrong: that the gate fails wrongly.
        dry_run: measured and shown, but not counted.
    """

    gate: str
    quantity: Quantity
    outcome: Outcome
    code: Code
    effect: float | None
    interval: Interval
    limit: float
    canary: Reading
    stable: Reading | None
    n_needed: int | None
    n_expected: int | None
    alpha: float
    alpha_fail: float
    dry_run: bool

    @property
    def n(self) -> int:
        """Answers of the canary that were judged."""
        return self.canary.n

    @property
    def reason(self) -> str:
        """The verdict in one sentence, in English."""
        return _sentence(self)

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record; infinite bounds are null."""
        record = asdict(self)
        record["interval"] = {
            "lower": _finite(self.interval.lower),
            "upper": _finite(self.interval.upper),
        }
        return record | {"n": self.n, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of all gates together.

    Args:
        outcome: the worst of the gates that count; INCONCLUSIVE when none does.
        verdicts: one per gate, dry runs included, in the order of the gates.
    """

    outcome: Outcome
    verdicts: tuple[Verdict, ...]

    @property
    def deciding(self) -> tuple[Verdict, ...]:
        """The gates that count and have the worst outcome."""
        return tuple(v for v in self.verdicts if not v.dry_run and v.outcome is self.outcome)

    @property
    def n_needed(self) -> int | None:
        """Further answers until it passes if all is well; None unless inconclusive."""
        return _largest(v.n_needed for v in self._open)

    @property
    def n_expected(self) -> int | None:
        """The same if events go on as seen; None also when no number would do."""
        expected = [v.n_expected for v in self._open]
        return None if None in expected else _largest(expected)

    @property
    def reason(self) -> str:
        """Why, in one line: the sentences of the deciding gates."""
        return "; ".join(v.reason for v in self.deciding) or "no gate counts, so nothing was judged"

    @property
    def _open(self) -> tuple[Verdict, ...]:
        return self.deciding if self.outcome is Outcome.INCONCLUSIVE else ()

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "n_needed": self.n_needed,
            "n_expected": self.n_expected,
            "verdicts": [v.as_dict() for v in self.verdicts],
        }


def _largest(numbers: Iterable[int | None]) -> int | None:
    return max((n for n in numbers if n is not None), default=None)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sentence(v: Verdict) -> str:
    match v.code:
        case Code.NO_REQUESTS:
            against = "" if v.stable is None else " against stable"
            return f"{_label(v)}{against}: no request yet{_needed(v)}"
        case Code.NO_STABLE_REQUESTS:
            return f"{_label(v)} against stable: stable has answered no request to compare with"
        case Code.UNDER_LIMIT:
            return f"{_seen(v)}, {_bound(v, v.interval.upper)} is under {_limit(v)}"
        case Code.OVER_LIMIT:
            return f"{_seen(v)}, {_bound(v, v.interval.lower)} is over {_limit(v)}"
        case Code.MORE_REQUESTS:
            return f"{_seen(v)}, {_bound(v, v.interval.upper)} is over {_limit(v)}{_needed(v)}"
        case Code.TOO_CLOSE:
            return (
                f"{_seen(v)}, {_bound(v, v.interval.upper)} is over {_limit(v)} and going on like "
                f"this will not bring it under{_needed(v)}"
            )
        case _:
            assert_never(v.code)


def _label(v: Verdict) -> str:
    match v.quantity:
        case Quantity.ERROR_RATE:
            return "error rate"
        case Quantity.REFUSED_RATE:
            return "refused requests"
        case Quantity.UNPARSED_RATE:
            return "unparsed answers"
        case Quantity.SCORE_LOST:
            return "score lost"
        case Quantity.COST:
            return "cost of a request"
        case Quantity.LATENCY:
            return v.gate.partition("_")[0]
        case _:
            assert_never(v.quantity)


def _seen(v: Verdict) -> str:
    if v.stable is None:
        return f"{_label(v)} {_value(v, v.canary)} ({_counted(v)})"
    return f"{_label(v)} {_value(v, v.canary)} against stable's {_value(v, v.stable)}"


def _counted(v: Verdict) -> str:
    match v.quantity:
        case Quantity.COST:
            return f"mean of {v.canary.n:,}"
        case Quantity.SCORE_LOST:
            return f"mean of {v.canary.n:,} scores"
        case Quantity.LATENCY:
            return f"{v.canary.n_events:,} of {v.canary.n:,} slower than {_number(v, v.limit)}"
        case _:
            return f"{v.canary.n_events:,} of {v.canary.n:,}"


def _bound(v: Verdict, bound: float) -> str:
    side = "upper" if bound == v.interval.upper else "lower"
    if not math.isfinite(bound):
        return f"{side} bound, not known yet,"
    what = " of the difference" if _is_difference(v) else ""
    return f"{side} bound{what} {_number(v, bound, unlike=v.limit)}"


def _limit(v: Verdict) -> str:
    word = "the margin" if _is_difference(v) else "the limit" if v.stable is None else "the allowed"
    return f"{word} {_number(v, v.limit)}"


def _is_difference(v: Verdict) -> bool:
    return v.stable is not None and v.quantity.is_rate


_CLEAN = {
    Quantity.ERROR_RATE: "error-free",
    Quantity.LATENCY: "fast",
    Quantity.REFUSED_RATE: "accepted",
    Quantity.UNPARSED_RATE: "parsed",
    Quantity.SCORE_LOST: "fully scored",
    Quantity.COST: "such",
}


def _needed(v: Verdict) -> str:
    if v.n_needed is None:
        return ""
    clean = _CLEAN[v.quantity]
    least = f"about {about(v.n_needed):,} more {clean} requests needed"
    if v.n_expected is None or v.n_expected == v.n_needed:
        return f"; {least}"
    return f"; {least}, {about(v.n_expected):,} if it goes on like this"


def about(n: int) -> int:
    """Requests still needed, as they are shown: to two digits, upwards, for it is a forecast."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step


def _value(v: Verdict, reading: Reading) -> str:
    return "unknown" if reading.value is None else _number(v, reading.value)


_UNITS = {Quantity.LATENCY: "ms", Quantity.COST: "USD"}


def _number(v: Verdict, value: float, *, unlike: float | None = None) -> str:
    """With three digits, or as many as tell it from ``unlike``."""
    scale, unit = (100.0, "%") if v.quantity.is_rate else (1.0, _UNITS[v.quantity])
    for digits in range(3, 9):
        text = f"{scale * value:.{digits}g}"
        if unlike is None or value == unlike or text != f"{scale * unlike:.{digits}g}":
            break
    return f"{plain(text)} {unit}"


def plain(number: str) -> str:
    """A number without an exponent: 6.45e-06 is 0.00000645."""
    return f"{Decimal(number):f}" if "e" in number else number
