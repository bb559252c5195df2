"""From a first answer to one that fits: verified, or asked for again within bounds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Message, Role, Text
from seatrial.gateway.chat.money import plain_usd
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import ChatResponse, FinishReason, Usage
from seatrial.gateway.structured.failures import cut, filtered, invalid
from seatrial.gateway.structured.form import Said, asking_again, heard
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.problem import Problem
from seatrial.gateway.structured.shape import Shape
from seatrial.gateway.structured.verify import Accepted, verify

T = TypeVar("T")

ASKED = "structured.n_asked"
"""In the journal: answers that were asked for because of their form, the first included."""


class Settled(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer that fits.

    Args:
        usages: of the calls made to mend it, without the first; None where not told.
        n_asked: answers that were asked for, those included that the mending of a candidate's own
            took, >= 1.
        response: the reply it is from, where it was asked for again.
    """

    accepted: Accepted[T]
    n_asked: int
    usages: tuple[Usage | None, ...] = ()
    response: ChatResponse | None = None


class Spent:
    """How many calls one answer took and what they cost, as the journal has it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._n_before = len(journal.attempts)
        self._n_last = self._n_before
        self._n_calls = 1
        self._n_noted = self._noted()

    def next_call(self) -> None:
        """Another call begins; what is written from now on is its."""
        self._n_last = len(self._journal.attempts)
        self._n_calls += 1

    def allows_another(self, most: Decimal) -> bool:
        """Whether a call that costs what the last one did keeps the sum within ``most``."""
        costs = [attempt.cost_usd for attempt in self._journal.attempts[self._n_before :]]
        last = costs[self._n_last - self._n_before :]
        if not last or any(cost is None for cost in costs):
            return False
        return sum((c for c in [*costs, *last] if c is not None), Decimal(0)) <= most

    def note_asked(self) -> int:
        """Note how many answers were asked for: more than calls were made, where candidates mended
        theirs and noted it.   Returns: their number."""
        n_asked = max(self._n_calls, self._noted() - self._n_noted)
        self._journal.notes[ASKED] = self._n_noted + n_asked
        return n_asked

    def _noted(self) -> int:
        noted = self._journal.notes.get(ASKED, 0)
        return noted if isinstance(noted, int) else 0


class Settling(Generic[T]):
    """Mends the answers to one request.

    Args:
        first: as `form.asking` made it.
        fillers: whether nulls may stand for keys left out; see `strict_schema`.
        now: monotonic, in s.
    """

    def __init__(
        self,
        provider: Provider,
        first: ChatRequest,
        call: Call,
        shape: Shape[T],
        *,
        options: StructuredOptions,
        now: Callable[[], float],
        fillers: bool,
        spent: Spent,
    ) -> None:
        self._provider = provider
        self._first = first
        self._call = call
        self._shape = shape
        self._options = options
        self._now = now
        self._fillers = fillers
        self._spent = spent
        self._n_asked = 1

    async def settle(self, said: Said) -> Settled[T]:
        """The answer verified, after as many more calls as it takes and as are allowed.

        Raises: AnswerInvalid, AnswerCut, AnswerFiltered, and what the provider raises.
        """
        usages: list[Usage | None] = []
        response: ChatResponse | None = None
        while True:
            found = self._verified(said)
            if isinstance(found, Accepted):
                return Settled(
                    accepted=found,
                    n_asked=self._note(found),
                    usages=tuple(usages),
                    response=response,
                )
            request = self._again(said, found)
            self._n_asked += 1
            self._spent.next_call()
            response = await self._provider.chat(request, self._call)
            usages.append(response.usage)
            said = heard(response.choices[0], self._tool)

    @property
    def _tool(self) -> str | None:
        return self._shape.name if self._options.mode is Mode.TOOL else None

    def _verified(self, said: Said) -> Accepted[T] | tuple[Problem, ...]:
        if said.reason is FinishReason.FILTERED or said.is_refusal:
            raise filtered(self._provider.name, n_asked=self._n_asked)
        return verify(
            said.text,
            self._shape,
            ending=said.ending,
            fillers=self._fillers,
            options=self._options.read,
        )

    def _again(self, said: Said, problems: tuple[Problem, ...]) -> ChatRequest:
        """The next request; raises where there must be none."""
        stop = self._stop()
        if said.reason is FinishReason.CUT:
            more = self._more_tokens()
            if stop or more is None:
                self._note(None)
                raise cut(
                    self._provider.name,
                    text=said.text,
                    n_asked=self._n_asked,
                    max_tokens=self._first.max_tokens,
                )
            self._first = msgspec.structs.replace(self._first, max_tokens=more)
            return self._first
        if stop:
            self._note(None)
            raise invalid(
                self._provider.name,
                problems,
                text=said.text,
                n_asked=self._n_asked,
                why_no_more=stop,
            )
        return asking_again(self._first, said, problems)

    def _stop(self) -> str | None:
        """Why no other call may be made."""
        options = self._options
        if self._n_asked >= options.max_asked:
            return f"{options.max_asked} calls are allowed"
        if self._now() >= self._call.deadline:
            return "the time is up"
        most = options.max_cost_usd
        if most is not None and not self._spent.allows_another(most):
            return f"another call could cost more than the {plain_usd(most)} USD allowed"
        return None

    def _more_tokens(self) -> int | None:
        """Twice as many as before, within the bound; None where that is no more."""
        had, most = self._first.max_tokens, self._options.max_tokens_if_cut
        if had is None or most is None or most <= had:
            return None
        return min(2 * had, most)

    def _note(self, accepted: Accepted[T] | None) -> int:
        """Write down what was done.   Returns: how many answers were asked for."""
        notes = self._call.journal.notes
        if accepted is not None and accepted.repairs:
            notes["structured.repairs"] = [repair.value for repair in accepted.repairs]
        if accepted is not None and accepted.coercions:
            notes["structured.coercions"] = [f"{c.path}: {c.to}" for c in accepted.coercions]
        return self._spent.note_asked()


def answered(text: str, reason: FinishReason) -> Said:
    """An answer that was gathered from a stream."""
    return Said(text, reason, Message(role=Role.ASSISTANT, parts=(Text(text),)))
