"""What was measured of one variant: a mergeable summary, the currency of gates and consoles.

Workers make summaries, the store keeps them encoded in slices, gates and pages read sums of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from numpy.typing import ArrayLike

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import BadStatistic, Counts
from seatrial.stats.moments import Moments
from seatrial.stats.sketches import LatencySketch

NANO_USD = 1_000_000_000
"""Costs are added up in billionths of a dollar."""

_MILLION = 1_000_000
"""Scores are added up in millionths."""


class BadSummary(Invalid):
    """A summary that contradicts itself, or bytes that hold none."""

    code = "release.bad_summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is known of answers besides that they came: their form, their cost, their score.

    Of a model all of it is empty; an answer may count for any of the three, or none.

    Args:
        n_checked: answers that had to have a form, and ``n_unfit`` of them that did not have it.
        costs: of the answers that were paid for, in billionths of a dollar.
        n_scored: answers that were given a score in [0, 1].
        lost_millionths: what they lack to a score of 1, added up.

    Raises:
        BadSummary: a count below 0, or more of something than there can be.
    """

    n_checked: int = 0
    n_unfit: int = 0
    costs: Moments = field(default_factory=Moments)
    n_scored: int = 0
    lost_millionths: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.n_unfit <= self.n_checked:
            raise _bad(f"{self.n_unfit} of {self.n_checked} answers are unfit")
        if not 0 <= self.lost_millionths <= _MILLION * self.n_scored:
            raise _bad(f"{self.n_scored} scores cannot lack {self.lost_millionths} millionths")

    @property
    def unparsed_counts(self) -> Counts:
        """Answers without their form among those that had to have one."""
        return Counts(n=self.n_checked, k=self.n_unfit)

    @property
    def lost_counts(self) -> Counts:
        """Scored answers, and what they lack to a score of 1, added up."""
        return Counts(n=self.n_scored, k=self.lost_millionths / _MILLION)

    def __add__(self, other: Quality) -> Quality:
        if other is UNKNOWN:
            return self
        return Quality(
            n_checked=self.n_checked + other.n_checked,
            n_unfit=self.n_unfit + other.n_unfit,
            costs=self.costs + other.costs,
            n_scored=self.n_scored + other.n_scored,
            lost_millionths=self.lost_millionths + other.lost_millionths,
        )

    def record(self) -> tuple[int, ...] | None:
        """As the bytes of a summary hold it; the sum of squares in two halves of 62 bits."""
        if self == UNKNOWN:
            return None
        high, low = divmod(self.costs.squares, _HALF)
        return (
            self.n_checked,
            self.n_unfit,
            self.costs.n,
            self.costs.total,
            high,
            low,
            self.n_scored,
            self.lost_millionths,
        )


_HALF = 1 << 62
UNKNOWN = Quality()
"""Nothing is known: the neutral element of ``+``."""


def quality(
    *, fits: bool | None = None, cost_usd: Decimal | None = None, score: float | None = None
) -> Quality:
    """Of one answer.

    Args:
        fits: whether it has the form it had to have; None where none was asked for.
        cost_usd: >= 0; None where it is not known.
        score: in [0, 1]; None where there is none.
    Raises: BadSummary.
    """
    if score is not None and not 0 <= score <= 1:
        raise _bad(f"a score is {score!r}, outside [0, 1]")
    return Quality(
        n_checked=int(fits is not None),
        n_unfit=int(fits is False),
        costs=Moments.of([] if cost_usd is None else [math.ceil(cost_usd * NANO_USD)]),
        n_scored=int(score is not None),
        lost_millionths=0 if score is None else round(_MILLION * (1 - score)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of outcomes and the latencies of one variant over some slices.

    Summaries add up: ``+`` is associative and commutative, so any split of the traffic over
    workers and slices gives the same sum.

    Args:
        latency: of every answer of the variant, good or in error; its count is ``n``.
        errors: answers that were the variant's fault, by kind, such as ``timeout``; each > 0.
        n_rejected: requests refused as the client's fault; not in ``n``.
        n_shed: requests refused because the queue was full; not in ``n``.
        quality: form, cost and score of answers, where these are known.

    Raises:
        BadSummary: a count below 0, or more errors than answers.
    """

    latency: LatencySketch = field(default_factory=LatencySketch.empty)
    errors: Mapping[str, int] = field(default_factory=dict)
    n_rejected: int = 0
    n_shed: int = 0
    quality: Quality = UNKNOWN

    def __post_init__(self) -> None:
        if min(self.n_rejected, self.n_shed, 0, *self.errors.values()) < 0:
            raise _bad("a count is below 0")
        if self.n_errors > self.n:
            raise _bad(f"{self.n_errors} errors in {self.n} answers")
        kept = {kind: self.errors[kind] for kind in sorted(self.errors) if self.errors[kind]}
        object.__setattr__(self, "errors", kept)

    @classmethod
    def empty(cls) -> Summary:
        """Nothing measured: the neutral element of ``+``."""
        return cls()

    @classmethod
    def of(
        cls,
        latencies_s: ArrayLike,
        *,
        errors: Mapping[str, int] | None = None,
        n_rejected: int = 0,
        n_shed: int = 0,
    ) -> Summary:
        """A summary of single answers.

        Args: latencies_s in seconds, one per answer of the variant, errors included; the rest as
            in the class.
        Raises: BadSummary, BadStatistic.
        """
        return cls(
            latency=LatencySketch.of(latencies_s),
            errors=errors or {},
            n_rejected=n_rejected,
            n_shed=n_shed,
        )

    @property
    def n(self) -> int:
        """Answers of the variant: good ones and errors."""
        return self.latency.n

    @property
    def n_errors(self) -> int:
        """Answers that were the variant's fault."""
        return sum(self.errors.values())

    @property
    def error_counts(self) -> Counts:
        """Errors among answers."""
        return Counts(n=self.n, k=self.n_errors)

    @property
    def refused_counts(self) -> Counts:
        """Refused as the client's fault, among those and answers."""
        return Counts(n=self.n + self.n_rejected, k=self.n_rejected)

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            latency=self.latency + other.latency,
            errors=Counter(self.errors) + Counter(other.errors),
            n_rejected=self.n_rejected + other.n_rejected,
            n_shed=self.n_shed + other.n_shed,
            quality=self.quality + other.quality,
        )

    def merge(self, other: Summary) -> Summary:
        """The summary of both; the same as ``+``."""
        return self + other

    def encode(self) -> bytes:
        """Compact bytes for a slice in the store; schema 1 where nothing of schema 2 is known."""
        body = (self.latency.encode(), self.errors, self.n_rejected, self.n_shed)
        of_answers = self.quality.record()
        if of_answers is None:
            return msgspec.msgpack.encode((1, body))
        return msgspec.msgpack.encode((2, (*body, of_answers)))

    @classmethod
    def decode(cls, data: bytes) -> Summary:
        """The summary that was encoded, by this version or an older one.

        Raises: BadSummary, BadSketch: not the bytes of a summary, or of a schema from the future.
        """
        try:
            schema, body = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
            if schema not in _READERS:
                raise _bad(f"schema {schema} is unknown")
            return _READERS[schema](body)
        except msgspec.DecodeError as error:
            raise _bad(str(error)) from error


def _read_1(body: msgspec.Raw) -> Summary:
    latency, errors, n_rejected, n_shed = msgspec.msgpack.decode(
        body, type=tuple[bytes, dict[str, int], int, int]
    )
    return Summary(
        latency=LatencySketch.decode(latency),
        errors=errors,
        n_rejected=n_rejected,
        n_shed=n_shed,
    )


def _read_2(body: msgspec.Raw) -> Summary:
    latency, errors, n_rejected, n_shed, of_answers = msgspec.msgpack.decode(
        body, type=tuple[bytes, dict[str, int], int, int, _QualityRecord]
    )
    n_checked, n_unfit, n_paid, total, high, low, n_scored, lost = of_answers
    try:
        costs = Moments(n=n_paid, total=total, squares=high * _HALF + low)
    except BadStatistic as error:
        raise _bad(error.problem) from error
    return Summary(
        latency=LatencySketch.decode(latency),
        errors=errors,
        n_rejected=n_rejected,
        n_shed=n_shed,
        quality=Quality(
            n_checked=n_checked,
            n_unfit=n_unfit,
            costs=costs,
            n_scored=n_scored,
            lost_millionths=lost,
        ),
    )


_QualityRecord: TypeAlias = tuple[int, int, int, int, int, int, int, int]
_READERS: Mapping[int, Callable[[msgspec.Raw], Summary]] = MappingProxyType(
    {1: _read_1, 2: _read_2}
)


def _bad(why: str) -> BadSummary:
    return BadSummary(
        f"This is no summary of measurements: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or drop the slice.",
    )
