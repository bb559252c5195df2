"""The way of one request through the candidates: who is next, by when, what the others said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property

import msgspec
from msgspec.structs import replace

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.provider import Provider
from seatrial.kernel.errors import Denied, LimitExceeded, SeatrialError

ANSWERED_BY = "fallback.answered_by"
FAILED = "fallback.failed"
FIRST_FAILED = "fallback.first_failed"


class Candidate(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Who may answer.

    Args:
        model: as the provider knows it.
    """

    provider: Provider
    model: str

    @cached_property
    def name(self) -> str:
        """As journals have it."""
        return f"{self.provider.name}/{self.model}"


def goes_elsewhere(failure: Exception) -> bool:
    """Whether another candidate may do better: as the failure says; under a budget, one that is
    cheaper, or whose price is known."""
    if isinstance(failure, ProviderFailure):
        return failure.elsewhere
    return isinstance(failure, LimitExceeded | Denied)


class Course:
    """One request on its way.

    Args:
        now: monotonic, in s.
    """

    __slots__ = ("_call", "_candidates", "_now", "_position", "_said")

    def __init__(
        self, candidates: Sequence[Candidate], call: Call, now: Callable[[], float]
    ) -> None:
        self._candidates = candidates
        self._call = call
        self._now = now
        self._position = 0
        self._said: list[dict[str, str]] = []

    @property
    def n_left(self) -> int:
        """Candidates that were not asked."""
        return len(self._candidates) - self._position

    @property
    def next_up(self) -> int:
        """Which candidate `advance` gives."""
        return self._position

    def advance(self) -> tuple[Candidate, Call]:
        """The next candidate, and the call with the time it has.

        All but the last have to answer, or begin to, within an equal share of the time that is
        left, so that one that hangs leaves some to those who come after it.
        """
        candidate = self._candidates[self._position]
        n_left = self.n_left
        self._position += 1
        if n_left == 1:
            return candidate, self._call
        now = self._now()
        share_s = (self._call.first_due - now) / n_left
        return candidate, replace(self._call, first_by=now + share_s)

    def failed(self, candidate: Candidate, failure: SeatrialError) -> None:
        """Note what a candidate said, and in the journal who was the first to fail."""
        self._call.journal.notes.setdefault(FIRST_FAILED, candidate.name)
        self._said.append(
            {
                "provider": candidate.provider.name,
                "model": candidate.model,
                "code": failure.code,
                "problem": failure.problem,
            }
        )

    def answered(self, candidate: Candidate) -> None:
        """Note in the journal who answered, and who had failed before."""
        notes = self._call.journal.notes
        notes[ANSWERED_BY] = candidate.name
        if self._said:
            notes[FAILED] = tuple(self._said)

    def is_over(self, failure: SeatrialError) -> bool:
        """Whether nobody else shall be asked after a failure."""
        late = self._call.first_due - self._now() <= 0
        return not self.n_left or late or not goes_elsewhere(failure)

    def told(self, failure: SeatrialError) -> SeatrialError:
        """The last failure, which names those before it, with what each candidate said as its fact
        ``candidates``."""
        if self._said:
            self._call.journal.notes[FAILED] = tuple(self._said)
        if len(self._said) < 2:
            return failure
        told = copy(failure)
        told.facts["candidates"] = list(self._said)
        before = ", ".join(f"{said['provider']} ({said['code']})" for said in self._said[:-1])
        told.problem = f"{failure.problem} Before it failed: {before}."
        told.args = (f"{told.problem} {told.remedy}",)
        return told
