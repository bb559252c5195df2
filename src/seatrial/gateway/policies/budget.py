"""No attempt is made that its budgets could not pay at worst; every attempt is paid as it was.

Before an attempt its worst case is reserved: the input as it cannot be exceeded, and an answer as
long as it may become. Where less is left, the answer is made shorter. After the attempt, what it
cost is paid and the rest given back:

- The provider told the usage: that.
- It did not, and the answer is complete: the gateway's own count, marked as estimated.
- The attempt failed without being paid for: nothing.
- It may be paid for, or the caller went away: the worst case, as nobody can know how far the
  provider went on; with `Unfinished.RECEIVED`, a stream that had begun is counted as far as it
  came. A prompt that is worth next to nothing by its length is not counted for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from seatrial.gateway.chat.call import Attempt, Call
from seatrial.gateway.chat.money import UNITS_PER_USD, usd
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings, FinishReason, Usage
from seatrial.gateway.ledger.allowances import Allowances, Grant
from seatrial.gateway.ledger.budget import Budget, Charging, Payer, payer_of
from seatrial.gateway.ledger.ledger import Refused, Reserve, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.gateway.policies.affordable import Span, affordable_tokens, span
from seatrial.gateway.policies.budget_failures import exceeded, price_unknown, repeated
from seatrial.gateway.policies.costing import Priced, unpaid
from seatrial.gateway.policies.kept_names import kept_budget, kept_name
from seatrial.gateway.policies.loaded import loaded
from seatrial.gateway.policies.received import Received
from seatrial.gateway.policies.ticket import (
    BudgetOptions,
    R,
    Ticket,
    Unfinished,
    at_most,
    has_to_count,
    instead_of,
    note_cut,
    worst_case,
)
from seatrial.gateway.prices.book import PriceBook, Quote
from seatrial.gateway.prices.terms import terms_of
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.kernel.errors import SeatrialError

CANCELLED = "gateway.cancelled"
"""What stands as the failure of an attempt whose caller went away."""

_LONGEST_S = 86_400.0
_MOST_PAYERS = 4096
_MINOR = UNITS_PER_USD // 1_000
"""A tenth of a cent. A prompt that is worth no more by its length is no reason to load a vocabulary
when its call breaks off: that takes 60 MB, and holds everything up for a third of a second."""


class Budgeted:
    """`gateway.chat.provider.Provider` that pays for every attempt of another one.

    Args:
        inner: one candidate.
        allowances: of this process.
        budgets: all there are; those that apply to a call must all allow it.
        prices: of ``vendor``, the price book's name of the provider.
        counter: of the candidate's model.
        maximum: tokens of an answer for requests that do not say, such as the model's own limit;
            None where it is not known.
        now: monotonic, in s.
        wall: seconds since 1970.
        own_budget: of the caller's key, besides the others, whose scope is the key; the same object
            as long as it is the same; None for none.
        key_name: of a key, by its id.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        allowances: Allowances,
        budgets: Sequence[Budget],
        prices: PriceBook,
        vendor: str,
        counter: TokenCounter,
        now: Callable[[], float],
        wall: Callable[[], float],
        maximum: int | None = None,
        options: BudgetOptions | None = None,
        own_budget: Callable[[Call], Budget | None] | None = None,
        key_name: Callable[[str | None], str | None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._name = inner.name
        self._allowances = allowances
        self._charging = Charging([kept_budget(budget) for budget in budgets])
        self._prices = prices
        self._vendor = vendor
        self._counter = counter
        self._now = now
        self._wall = wall
        self._maximum = maximum
        self._options = options or BudgetOptions()
        self._own_budget = own_budget
        self._key_name = key_name
        self._payers: dict[tuple[str | None, str], Payer] = {}

    @property
    def name(self) -> str:
        """See Provider."""
        return self._name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider.   Raises: BudgetExceeded, PriceUnknown, AttemptRepeated, the ledger's."""
        ticket = self._begun(request, call)
        if ticket.charged:
            await self._reserve(ticket, call)
        try:
            response = await self._inner.chat(ticket.request, call)
        except BaseException as error:
            await self._broken(ticket, call, error, Received(request.n))
            raise
        if response.usage is None:
            await self._whole(ticket, call, Received.whole(response))
        else:
            if ticket.shortened and any(
                c.finish_reason is FinishReason.CUT for c in response.choices
            ):
                note_cut(ticket, call)
            cost = ticket.priced.cost(response.usage, terms_of(response.raw))
            self._settle(ticket, call, usage=response.usage, cost=cost)
        return response

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider.   Raises: BudgetExceeded, PriceUnknown, AttemptRepeated, the ledger's."""
        ticket = self._begun(request, call)
        if ticket.charged:
            await self._reserve(ticket, call)
        received = Received(request.n)
        try:
            async with aclosing(self._inner.stream(ticket.request, call)) as chunks:
                async for chunk in chunks:
                    received.take(chunk)
                    if ticket.first_token is None and received.n_pieces:
                        ticket.first_token = self._now()
                    yield chunk
        except BaseException as error:
            await self._broken(ticket, call, error, received)
            raise
        await self._whole(ticket, call, received)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider.   Raises: BudgetExceeded, PriceUnknown, AttemptRepeated, the ledger's."""
        ticket = self._begun(request, call)
        if ticket.charged:
            await self._reserve(ticket, call)
        received = Received()
        try:
            answer = await self._inner.embed(ticket.request, call)
        except BaseException as error:
            await self._broken(ticket, call, error, received)
            raise
        received.usage = answer.usage
        await self._whole(ticket, call, received)
        return answer

    async def close(self) -> None:
        """See Provider; the allowances stay open, as others use them too."""
        await self._inner.close()

    # --- before

    def _begun(self, request: R, call: Call) -> Ticket[R]:
        """Raises: PriceUnknown."""
        at_s = self._wall()
        at_us = int(at_s * 1e6)
        payer = self._payer(call, request.model)
        own = None if self._own_budget is None else self._own_budget(call)
        asks_name = self._charging.asks_key_name(payer, own)
        key_name = self._key_name(call.key) if asks_name else None
        ticket = Ticket(
            id=attempt_id(at_us, call.id, call.journal.begin_attempt()),
            at_us=at_us,
            payer=payer,
            request=request,
            priced=Priced(request, self._prices, self._vendor, self._counter),
            began=self._now(),
            charged=self._charging.charges(payer, own, at_s=at_s, key_name=key_name),
        )
        if ticket.charged and ticket.priced.quote is None:
            raise price_unknown(payer, ticket.charged[0], self._key_name(call.key))
        return ticket

    def _payer(self, call: Call, model: str) -> Payer:
        if call.user is not None or call.tags:
            return payer_of(call, self._name, model, kept=kept_name)
        payer = self._payers.get((call.key, model))
        if payer is None:
            if len(self._payers) >= _MOST_PAYERS:
                self._payers.clear()
            payer = self._payers[call.key, model] = payer_of(call, self._name, model)
        return payer

    async def _reserve(self, ticket: Ticket[R], call: Call) -> None:
        # Most calls are small beside their budgets. Where the length of their texts alone says that
        # all of it can be paid, nothing is counted, and no vocabulary is loaded.
        priced, quote = ticket.priced, ticket.priced.quote
        assert quote is not None
        ticket.roughly = rough = self._counter.exact
        asked = self._span(ticket.request, quote, priced.input_ceiling(), whole=rough)
        reserve = self._reservation(ticket, call, asked)
        answer = self._allowances.granted(reserve) or await self._allowances.reserve(reserve)
        if rough and isinstance(answer, Refused):
            ticket.roughly = False
            await loaded(self._counter)
            asked = self._span(ticket.request, quote, priced.input_bound())
            answer = await self._allowances.reserve(self._reservation(ticket, call, asked))
        if not isinstance(answer, Grant):
            if isinstance(answer, Refused):
                raise exceeded(answer, asked.least, self._key_name(call.key))
            raise repeated(ticket.id)
        ticket.worst, ticket.grant = answer.amount, answer
        if isinstance(ticket.request, ChatRequest):
            tokens = affordable_tokens(asked, quote, answer.amount)
            ticket.shortened = tokens != ticket.request.max_tokens
            if ticket.shortened:
                ticket.request = msgspec.structs.replace(ticket.request, max_tokens=tokens)
        ticket.began = self._now()

    def _span(
        self,
        request: ChatRequest | EmbeddingRequest,
        quote: Quote,
        input_tokens: int,
        *,
        whole: bool = False,
    ) -> Span:
        return span(
            request,
            quote,
            input_tokens=input_tokens,
            maximum=self._maximum,
            floor=self._options.floor_tokens,
            whole=whole,
        )

    def _reservation(self, ticket: Ticket[R], call: Call, asked: Span) -> Reserve:
        left_s = min(max(0.0, call.deadline - ticket.began), _LONGEST_S)
        return Reserve(
            id=ticket.id,
            payer=ticket.payer,
            charges=ticket.charged,
            most=asked.most,
            least=asked.least,
            at_us=ticket.at_us,
            expires_us=ticket.at_us + int((left_s + self._options.grace_s) * 1e6),
            owner=self._allowances.owner,
        )

    # --- after

    async def _whole(self, ticket: Ticket[R], call: Call, received: Received) -> None:
        """Settle, when what has to be counted can be; or at once, if nobody waits any more."""
        try:
            if received.usage is None:
                await loaded(self._counter)
        finally:
            self._close_whole(ticket, call, received)

    async def _broken(
        self, ticket: Ticket[R], call: Call, error: BaseException, received: Received
    ) -> None:
        """As `_whole`."""
        try:
            if has_to_count(received, error) and not self._minor(ticket, received):
                await loaded(self._counter)
        finally:
            self._close_broken(ticket, call, error, received)

    def _close_whole(
        self, ticket: Ticket[R], call: Call, received: Received, failure: str | None = None
    ) -> None:
        """The answer came to its end, whatever came then."""
        usage, estimated = received.usage, False
        if usage is None:
            usage, estimated = ticket.priced.estimate(received), True
        if received.cut and ticket.shortened:
            note_cut(ticket, call)
        cost = ticket.priced.cost(usage, received.terms)
        if estimated:
            cost = at_most(cost, ticket.worst)
        self._settle(ticket, call, usage=usage, cost=cost, estimated=estimated, failure=failure)

    def _close_broken(
        self, ticket: Ticket[R], call: Call, error: BaseException, received: Received
    ) -> None:
        """The attempt failed, or the caller went away."""
        failure = error.code if isinstance(error, SeatrialError) else CANCELLED
        began = received.n_pieces > 0 or received.usage is not None
        if received.complete:
            self._close_whole(ticket, call, received, failure)
            return
        if not began and unpaid(error):
            self._settle(ticket, call, usage=None, cost=0, failure=failure)
            return
        minor = self._minor(ticket, received)
        seen = ticket.priced.estimate(received, quickly=minor)
        cost = ticket.worst if minor else worst_case(ticket)
        if cost is None or (began and self._options.unfinished is Unfinished.RECEIVED):
            cost = at_most(ticket.priced.cost(seen, received.terms), ticket.worst)
        usage = seen if began else None
        self._settle(ticket, call, usage=usage, cost=cost, estimated=True, failure=failure)

    def _minor(self, ticket: Ticket[R], received: Received) -> bool:
        """Whether a broken attempt is paid as it was reserved: to count its prompt is not worth the
        vocabulary that it needs."""
        quote = ticket.priced.quote
        if self._counter.ready or received.complete or not ticket.roughly or quote is None:
            return False
        if self._options.unfinished is Unfinished.RECEIVED:
            return False
        return quote.worst_case_units(ticket.priced.input_ceiling(), 0) <= _MINOR

    def _settle(
        self,
        ticket: Ticket[R],
        call: Call,
        *,
        usage: Usage | None,
        cost: int | None,
        estimated: bool = False,
        failure: str | None = None,
    ) -> None:
        ended, first = self._now(), ticket.first_token
        record = Record(
            id=ticket.id,
            at_us=ticket.at_us,
            payer=ticket.payer,
            cost=cost,
            usage=usage,
            price_version=ticket.priced.version,
            estimated=estimated,
            latency_us=int((ended - ticket.began) * 1e6),
            first_token_us=None if first is None else int((first - ticket.began) * 1e6),
            cache=call.journal.cache,
            failure=failure,
            instead_of=instead_of(call, ticket.payer),
        )
        self._allowances.settle(record, ticket.grant)
        call.journal.attempts.append(
            Attempt(
                provider=self._name,
                model=ticket.request.model,
                began=ticket.began,
                ended=ended,
                first_token=first,
                failure=failure,
                usage=usage,
                cost_usd=None if cost is None else usd(cost),
                price_version=record.price_version,
                estimated=estimated,
            )
        )
