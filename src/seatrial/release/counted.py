"""What counters say of a variant that seatrial does not serve itself, and what the judge makes of
it: for rollouts that others steer, such as Argo's.

Counters know less than our own slices: how many were slower than the edges of a histogram, and
nothing in between. A gate about which they say nothing is left out, and is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import Invalid
from seatrial.release.gate import (
    AbsoluteGate,
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    Gates,
    LatencyGate,
    RefusedAgainstStable,
)
from seatrial.release.judge import judge
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Judgement, Outcome
from seatrial.stats.sketches import LatencySketch

_DISAGREE_SHARE, _DISAGREE_N = 0.02, 10
"""How far two counters of the same requests may be apart: they are not read in the same instant."""

_SAME_EDGE = 1e-6


class CountsImpossible(Invalid):
    """Counts that contradict each other."""

    code = "judge.counts_impossible"


class LimitBetweenEdges(Invalid):
    """A histogram has no edge at the limit of a gate, so it cannot say what is slower."""

    code = "judge.limit_between_edges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one variant did, as far as counters say.

    Args:
        requests: answers, good or in error, >= 0.
        errors: those of them that were the variant's fault.
        refused: requests refused as the client's fault, not among the answers; None: not known.
        at_most_s: how many answers took at most so many seconds, by seconds; None: not known.
    Raises: CountsImpossible.
    """

    requests: int
    errors: int
    refused: int | None = None
    at_most_s: Mapping[float, int] | None = None

    def __post_init__(self) -> None:
        if min(self.requests, self.errors, self.refused or 0) < 0:
            raise _impossible("a count is below 0")
        if self.errors > self.requests:
            raise _impossible(f"{self.errors} errors in {self.requests} requests")
        self._check_latencies()

    def _check_latencies(self) -> None:
        if self.at_most_s is None:
            return
        if self.requests and not self.at_most_s:
            raise _impossible(f"no latency of {self.requests} requests")
        if any(not edge > 0 for edge in self.at_most_s):
            raise _impossible("an edge of the latencies is not above 0")
        counts = [self.at_most_s[edge] for edge in sorted(self.at_most_s)]
        if counts != sorted(counts) or min(counts, default=0) < 0:
            raise _impossible("fewer answers are faster than a slower edge")
        allowed = max(_DISAGREE_N, _DISAGREE_SHARE * self.requests)
        most = self.at_most_s.get(math.inf)
        if max(counts, default=0) > self.requests + allowed:
            raise _impossible(f"{counts[-1]} latencies of {self.requests} requests")
        if most is not None and most < self.requests - allowed:
            raise _impossible(f"{most} latencies of {self.requests} requests")

    def summary(self) -> Summary:
        """As the judge takes it; an answer without a known latency counts as the slowest."""
        edges = sorted((self.at_most_s or {}).items())
        finite = [(edge, min(n, self.requests)) for edge, n in edges if math.isfinite(edge)]
        return Summary(
            latency=LatencySketch.of_histogram([*finite, (math.inf, self.requests)]),
            errors={"counted": self.errors},
            n_rejected=self.refused or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen since the canary appeared.

    Args:
        canary: what the version on trial did.
        stable: what the others did over the same time; None where there are none.
        watched_s: since when, in seconds before now, >= 0.
    """

    canary: Counted
    stable: Counted | None
    watched_s: float


class Counters(Protocol):
    """Whoever counts the answers of variants that others serve."""

    def seen(self, endpoint: str, *, canary: str, stable: str | None) -> Seen:
        """What a canary did, and what the stable did meanwhile. Blocks.

        Args:
            endpoint: the name of what is served.
            canary: how its counters are told from others.
            stable: the same of the version in production; None for everything but the canary.
        Raises: Unavailable, Invalid.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judgement of what counters say.

    Args:
        outcome: PASS not before the watch is over.
        reason: why, in one line.
        judgement: with every gate that was asked.
        left_out: gates that counters cannot answer, by name.
        seen: the counts it rests on.
        watch_s: how long it had to be watched.
    """

    outcome: Outcome
    reason: str
    judgement: Judgement
    left_out: tuple[str, ...]
    seen: Seen
    watch_s: float

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record."""
        judged = self.judgement
        return {
            "verdict": self.outcome.value,
            "reason": self.reason,
            "watched_s": round(self.seen.watched_s, 3),
            "watch_s": self.watch_s,
            "n_needed": judged.n_needed,
            "n_expected": judged.n_expected,
            "canary": _counts(self.seen.canary),
            "stable": None if self.seen.stable is None else _counts(self.seen.stable),
            "gates": [verdict.as_dict() for verdict in judged.verdicts],
            "left_out": list(self.left_out),
        }


def judge_counted(gates: Gates, seen: Seen, *, watch_s: float) -> Judged:
    """What the gates say of counts. May be asked at every look, as `judge` may.

    Args:
        gates: what is asked.
        seen: all that was counted since the canary's first request.
        watch_s: how long it must be watched before it may pass, in seconds, >= 0.
    Raises: LimitBetweenEdges.
    """
    asked = tuple(gate for gate in gates.gates if _answerable(gate, seen))
    for gate in asked:
        if isinstance(gate, LatencyGate):
            _check_edge(gate, seen.canary)
    found = judge(
        replace(gates, gates=asked),
        seen.canary.summary(),
        None if seen.stable is None else seen.stable.summary(),
    )
    outcome, reason = found.outcome, found.reason
    if outcome is Outcome.PASS and seen.watched_s < watch_s:
        outcome = Outcome.INCONCLUSIVE
        reason = f"watched {_whole(seen.watched_s)} of {_whole(watch_s)}; so far: {reason}"
    names = {gate.name for gate in asked}
    return Judged(
        outcome=outcome,
        reason=reason,
        judgement=found,
        left_out=tuple(gate.name for gate in gates.gates if gate.name not in names),
        seen=seen,
        watch_s=watch_s,
    )


def _answerable(gate: Gate, seen: Seen) -> bool:
    """Whether counters of these kinds say anything about a gate's quantity.

    A latency against stable's is not among them: between two edges of a histogram it may be a
    multiple of the other without a trace.
    """
    if not isinstance(gate, AbsoluteGate) and seen.stable is None:
        return False
    match gate:
        case ErrorRateGate() | ErrorRateAgainstStable():
            return True
        case LatencyGate():
            return seen.canary.at_most_s is not None
        case RefusedAgainstStable():
            return None not in (seen.canary.refused, seen.stable and seen.stable.refused)
        case _:
            return False


def _check_edge(gate: LatencyGate, canary: Counted) -> None:
    edges = canary.at_most_s or {}
    limit_s = gate.limit_ms / 1e3
    if edges and not any(math.isclose(edge, limit_s, rel_tol=_SAME_EDGE) for edge in edges):
        known = ", ".join(f"{1e3 * edge:g}" for edge in sorted(edges) if math.isfinite(edge))
        raise LimitBetweenEdges(
            f"The gate {gate.name} has a limit of {gate.limit_ms:g} ms, which is no edge of the "
            f"histogram ({known} ms).",
            remedy="Add a bucket at the limit to the histogram, or choose a limit that is an edge.",
            limit_ms=gate.limit_ms,
        )


def _counts(counted: Counted) -> dict[str, object]:
    record = asdict(counted)
    edges = record.pop("at_most_s")
    latencies = None if edges is None else {_edge(edge): edges[edge] for edge in sorted(edges)}
    return record | {"at_most_ms": latencies}


def _edge(edge_s: float) -> str:
    return "+Inf" if math.isinf(edge_s) else f"{1e3 * edge_s:g}"


def _whole(seconds: float) -> str:
    return show_duration(math.floor(seconds))


def _impossible(why: str) -> CountsImpossible:
    return CountsImpossible(
        f"The counts contradict each other: {why}.",
        remedy="See that requests, errors and latencies count the same answers of one variant.",
    )
