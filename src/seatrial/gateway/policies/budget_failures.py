"""Why a call is not paid for."""

from __future__ import annotations

from seatrial.gateway.chat.money import plain_usd, usd
from seatrial.gateway.ledger.budget import Charge, Payer, said_account
from seatrial.gateway.ledger.ledger import Refused
from seatrial.kernel.errors import Conflict, Denied, LimitExceeded


class BudgetExceeded(LimitExceeded):
    """What is left of a budget does not pay for the call."""

    code = "gateway.budget_exceeded"


class BudgetHeld(BudgetExceeded):
    """What is left of a budget would pay for the call, but is reserved by calls under way, most of
    which will give back a part of it."""

    code = "gateway.budget_held"
    retryable = True


class PriceUnknown(Denied):
    """A budget applies to a model whose price nobody knows."""

    code = "gateway.price_unknown"


class AttemptRepeated(Conflict):
    """An attempt with this id was made before."""

    code = "gateway.attempt_repeated"


def price_unknown(payer: Payer, charge: Charge, key_name: str | None) -> PriceUnknown:
    """The error of a call that a budget applies to."""
    return PriceUnknown(
        f"The price of {payer.model} at {payer.provider} is not known, and the "
        f"{said_account(charge.account, key_name)} applies to it.",
        remedy="Add its price to the prices of the configuration, or choose another model.",
        model=payer.model,
        provider=payer.provider,
        budget=charge.account,
    )


def exceeded(refused: Refused, least: int, key_name: str | None) -> BudgetExceeded:
    """The error of a call whose shortest answer costs up to ``least`` units.

    Args:
        key_name: of the caller's key; None where it has none.
    """
    held = refused.limit - refused.spent >= least
    kind = BudgetHeld if held else BudgetExceeded
    reserved = ""
    if refused.reserved:
        reserved = f", {_dollars(refused.reserved)} USD are reserved by calls under way"
    return kind(
        f"The {said_account(refused.account, key_name)} is {_dollars(refused.limit)} USD: "
        f"{_dollars(refused.spent)} USD are spent{reserved}, and the call costs up to "
        f"{_dollars(least)} USD even with the shortest answer.",
        remedy="Send it again in a moment, or set max_tokens so that calls reserve less."
        if held
        else "Raise the limit, wait for the next window, or choose a cheaper model.",
        budget=refused.account,
        limit_usd=_dollars(refused.limit),
        spent_usd=_dollars(refused.spent),
        reserved_usd=_dollars(refused.reserved),
    )


def repeated(key: str) -> AttemptRepeated:
    """The error of an attempt whose id was used before."""
    return AttemptRepeated(
        f"The attempt {key} was made before.",
        remedy="Send the request again, with an id of its own.",
    )


def _dollars(n_units: int) -> str:
    return plain_usd(usd(n_units))
