"""What was measured of one variant: a mergeable summary, the currency of gates and consoles.

Workers make summaries, the store keeps them encoded in slices, gates and pages read sums of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
from numpy.typing import ArrayLike

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import Counts
from seatrial.stats.sketches import LatencySketch


class BadSummary(Invalid):
    """A summary that contradicts itself, or bytes that hold none."""

    code = "release.bad_summary"


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

    Raises:
        BadSummary: a count below 0, or more errors than answers.
    """

    latency: LatencySketch = field(default_factory=LatencySketch.empty)
    errors: Mapping[str, int] = field(default_factory=dict)
    n_rejected: int = 0
    n_shed: int = 0

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
        )

    def merge(self, other: Summary) -> Summary:
        """The summary of both; the same as ``+``."""
        return self + other

    def encode(self) -> bytes:
        """Compact bytes for a slice in the store; schema 1."""
        body = (self.latency.encode(), self.errors, self.n_rejected, self.n_shed)
        return msgspec.msgpack.encode((1, body))

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


_READERS: Mapping[int, Callable[[msgspec.Raw], Summary]] = MappingProxyType({1: _read_1})


def _bad(why: str) -> BadSummary:
    return BadSummary(
        f"This is no summary of measurements: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or drop the slice.",
    )
