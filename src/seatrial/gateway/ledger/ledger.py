"""The port: money is reserved before an attempt and settled after it, in all its budgets or none.

The primitive is a batch, so that whatever calls do in one moment is one transaction. An attempt has
an id; each of its operations counts once, however often it is repeated. For every account whose
limit did not change, reserved and spent together never exceed the limit, as long as no attempt
costs more than was reserved for it; one that does is paid in full, and blocks what comes after.
An allowance is a reservation for attempts to come, which are settled out of it.

`seatrial.testing.LedgerSuite` says what an adapter must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec

from seatrial.gateway.ledger.budget import Charge, Payer, plain_name
from seatrial.gateway.ledger.usage import Record, UsageQuestion, UsageSum


def attempt_id(at_us: int, call_id: str, number: int) -> str:
    """The id of the ``number``-th attempt of a call.

    Ids sort by time. Only repetitions by the gateway itself are told by their id: a client that
    sends the same call id again pays again.

    Args:
        at_us: when the attempt begins, in microseconds since 1970.
    """
    return f"{at_us:014x}/{plain_name(call_id)}/{number}"


def time_part(at_us: int) -> str:
    """What ids of a time begin with; those of earlier times sort before it."""
    return f"{at_us:014x}"


AHEAD_SHARE = 100
"""Of what an account has left, an allowance gets at most one part in so many: so much is lost to
the budget when the process that holds it dies."""
HELD_SHARE = 10
"""And there is none where more than one part in so many of what is left is reserved already."""


class Reserve(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Set money aside for an attempt, or for attempts to come.

    Args:
        id: of the attempt.
        charges: accounts of different names, which must all allow it.
        most: what it may cost at worst, in units, >= 0.
        least: with how much it could still be made, in [0, most].
        at_us, expires_us: now, and when nobody can be about to settle it any more, in microseconds
            since 1970.
        owner: the process that will settle it.
        ahead: whether it is an allowance, and gets no more than the shares above.
    """

    id: str
    payer: Payer
    charges: tuple[Charge, ...]
    most: int
    least: int
    at_us: int
    expires_us: int
    owner: str
    ahead: bool = False


class Settle(msgspec.Struct, frozen=True, gc=False):
    """Pay what an attempt cost, and give back the rest. An attempt that nothing was reserved for is
    recorded, and paid by no account.

    Args:
        allowance: id of the one that pays, and keeps the rest; None for the attempt's own
            reservation. One that lapsed pays too: what it counts is less by so much.
    """

    record: Record
    allowance: str | None = None


class Release(msgspec.Struct, frozen=True, gc=False):
    """Give all of it back: the attempt was never made, and leaves no record."""

    id: str


class Count(msgspec.Struct, frozen=True):
    """Keep a record of calls that made no attempt, in place of one with the same id: whoever counts
    tells the whole count again. No account pays for them.

    Args:
        record: its cost is what the calls would have cost.
    """

    record: Record


Operation: TypeAlias = Reserve | Settle | Release | Count


class Granted(msgspec.Struct, frozen=True, gc=False):
    """The money is set aside.

    Args:
        amount: in units: ``most``, or what is left where that is at least ``least``.
    """

    amount: int


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An account has too little left.

    Args:
        account: the one that has the least left.
        limit, spent, reserved: of it, in units.
    """

    account: str
    limit: int
    spent: int
    reserved: int


class Repeated(msgspec.Struct, frozen=True, gc=False):
    """The attempt was reserved or settled before; nothing was changed."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The attempt is settled or released, or the calls are counted.

    Args:
        changed: whether by this operation.
        beyond: by how many units it cost more than was reserved for it.
    """

    changed: bool
    beyond: int = 0


Outcome: TypeAlias = Granted | Refused | Repeated | Closed


class Lapsed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A reservation that nobody settled in time: it was settled at its worst case.

    Args:
        amount: in units.
    """

    id: str
    owner: str
    amount: int


class Balance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of the money of an account, in units, >= 0."""

    account: str
    spent: int
    reserved: int


class Ledger(Protocol):
    """Keeps accounts and records. All calls block and are thread-safe; several processes may share
    one ledger.

    Raises: the store's errors, such as StoreUnavailable and StoreFull; nothing of the call was kept
    then, unless ``facts["outcome"]`` is ``unknown``.
    """

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do all of it, in order, in one transaction; an outcome for each.

        What was reserved is on the disk when this returns, with all before it. A power cut may take
        back settlements and releases that came after the last reservation: then what was reserved
        for them counts.
        """
        ...

    def sweep(self, *, now_us: int, keep_since_us: int) -> list[Lapsed]:
        """Settle reservations that expired at their worst case, and forget what is old.

        The settlement of an attempt that lapsed still counts, and corrects it.

        Args:
            now_us: in microseconds since 1970.
            keep_since_us: records from before, and accounts whose window ended before, are dropped.
        """
        ...

    def balances(self, prefix: str, *, most: int | None = None) -> list[Balance]:
        """Accounts whose names begin with ``prefix``, such as ``2026-11/key/``, sorted by name.

        Args:
            most: how many, >= 1: those with most money spent and reserved; None for all.
        """
        ...

    def usage(self, question: UsageQuestion) -> list[UsageSum]:
        """Records summed."""
        ...

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """Records summed for several questions, which costs less than asking each by itself."""
        ...

    def close(self) -> None:
        """Give connections back; nothing may be asked afterwards."""
        ...
