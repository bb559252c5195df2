"""An attempt that is paid for: what is reserved for it, and what it costs at worst."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.ledger.allowances import Grant
from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.policies.costing import Priced, unpaid
from seatrial.gateway.policies.course import FIRST_FAILED
from seatrial.gateway.policies.received import Received

R = TypeVar("R", ChatRequest, EmbeddingRequest)


class Unfinished(StrEnum):
    """How a stream is paid that began and did not end."""

    WORST = "worst"
    RECEIVED = "received"


class BudgetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How budgets are kept.

    Args:
        floor_tokens: no answer is cut below, >= 1; with less money there is none.
        unfinished: how a stream is paid that began and did not end. RECEIVED trusts the provider
            to stop at once when the connection ends, and may pass a budget if it does not.
        grace_s: how long after its deadline a call may still be settled, > 0; then it counts at its
            worst case.
    """

    floor_tokens: int = 16
    unfinished: Unfinished = Unfinished.WORST
    grace_s: float = 60.0


class Ticket(msgspec.Struct, Generic[R], kw_only=True):
    """An attempt under way.

    Args:
        charged: the accounts that pay for it.
        worst: what is reserved, in units; None where no budget applies.
        roughly: whether that is by the length of texts alone.
    """

    id: str
    at_us: int
    payer: Payer
    request: R
    priced: Priced
    began: float
    charged: tuple[Charge, ...]
    worst: int | None = None
    grant: Grant | None = None
    roughly: bool = False
    shortened: bool = False
    first_token: float | None = None


def note_cut(ticket: Ticket[R], call: Call) -> None:
    """The answer ended where the money did."""
    if isinstance(ticket.request, ChatRequest):
        call.journal.notes["budget.cut_at_tokens"] = ticket.request.max_tokens


def instead_of(call: Call, payer: Payer) -> str | None:
    """Who had failed before, if another did."""
    first = call.journal.notes.get(FIRST_FAILED)
    return first if isinstance(first, str) and first != f"{payer.provider}/{payer.model}" else None


def has_to_count(received: Received, error: BaseException) -> bool:
    """Whether what a broken attempt costs is not told."""
    if received.complete:
        return received.usage is None
    return received.n_pieces > 0 or received.usage is not None or not unpaid(error)


def worst_case(ticket: Ticket[ChatRequest] | Ticket[EmbeddingRequest]) -> int | None:
    """What the attempt costs at worst, in units; None where no budget applies."""
    quote, request = ticket.priced.quote, ticket.request
    if not ticket.roughly or quote is None:
        return ticket.worst
    n_output = 0 if isinstance(request, EmbeddingRequest) else (request.max_tokens or 0) * request.n
    return at_most(quote.worst_case_units(ticket.priced.input_bound(), n_output), ticket.worst)


def at_most(cost: int | None, worst: int | None) -> int | None:
    """A cost as far as it was reserved, in units; None where it is not known."""
    return cost if cost is None or worst is None else min(cost, worst)
