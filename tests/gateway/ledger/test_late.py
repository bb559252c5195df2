"""A ledger that comes later than the process that needs it."""

import pytest

from seatrial.gateway.ledger.late import LateLedger
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.memory_ledger import MemoryLedger


def test_it_is_opened_again_until_it_is_there_and_then_kept() -> None:
    tries: list[int] = []

    def open_ledger() -> Ledger:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("It is down.", remedy="Start it.")
        return MemoryLedger()

    late = LateLedger(open_ledger)
    with pytest.raises(StoreUnavailable, match="It is down"):
        late.balances("")
    assert late.balances("") == []
    assert late.apply([]) == []
    assert len(tries) == 3
    late.close()


def test_what_will_not_pass_is_told_at_once() -> None:
    def open_ledger() -> Ledger:
        raise Invalid("It is no ledger.", remedy="Name one.")

    with pytest.raises(Invalid, match="no ledger"):
        LateLedger(open_ledger)
