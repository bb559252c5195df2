"""Reservations and settlements to try a ledger with."""

from __future__ import annotations

from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import Reserve, Settle, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.testing.ledger_model import DAY_US, PAYER, START_US

DOLLAR = 10**12
DAY = Charge("2024-10-04/key/k1", DOLLAR, START_US + DAY_US)
MONTH = Charge("2024-10/total/", 10 * DOLLAR, START_US + 28 * DAY_US)


def reservation(
    name: str,
    most: int,
    *,
    least: int | None = None,
    charges: tuple[Charge, ...] = (DAY, MONTH),
    at_us: int = START_US,
    payer: Payer = PAYER,
) -> Reserve:
    """A reservation that expires a minute later."""
    return Reserve(
        id=attempt_id(at_us, name, 1),
        payer=payer,
        charges=charges,
        most=most,
        least=most if least is None else least,
        at_us=at_us,
        expires_us=at_us + 60_000_000,
        owner="suite",
    )


def settlement(reserve: Reserve, cost: int | None, **facts: object) -> Settle:
    """What closes a reservation; ``facts`` are of its Record."""
    return Settle(
        Record(id=reserve.id, at_us=reserve.at_us, payer=reserve.payer, cost=cost, **facts)  # type: ignore[arg-type]
    )
