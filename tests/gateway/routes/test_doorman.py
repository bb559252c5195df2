import asyncio
import threading
from datetime import UTC, datetime

import pytest

from seatrial.gateway.routes.doorman import FRESH_S, STALE_S, Doorman, KeysUnknown
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.keys import KeyRing, KeyUnknown
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing import MemoryStore

AT = datetime(2026, 11, 26, tzinfo=UTC)


class House:
    """A store, a desk, and a doorman whose clock the test turns."""

    def __init__(self, *, open_door: bool = False) -> None:
        self.desk = KeyDesk(MemoryStore(), now=lambda: AT)
        self.now = 100.0
        self.n_reads = 0
        self.down = False
        self.doorman = Doorman(self.read, open=open_door, now=lambda: self.now, wall=AT.timestamp)

    def read(self, ring: KeyRing) -> KeyRing:
        self.n_reads += 1
        if self.down:
            raise StoreUnavailable("The store is away.", remedy="Wait.")
        return self.desk.ring(ring)

    async def refuses(self, secret: str | None) -> bool:
        try:
            await self.doorman.admit(secret)
        except KeyUnknown:
            return True
        return False


async def test_a_known_key_comes_in_and_costs_no_look_at_the_store() -> None:
    house = House()
    secret, key = house.desk.create("ana", by="t")
    for _ in range(50):
        assert await house.doorman.admit(secret) == key
    assert house.n_reads == 1


async def test_wrong_and_missing_keys_are_told_apart_and_refused() -> None:
    house = House()
    house.desk.create("ana", by="t")
    with pytest.raises(KeyUnknown, match="not known"):
        await house.doorman.admit("sk-seatrial-0-wrong")
    with pytest.raises(KeyUnknown, match="missing"):
        await house.doorman.admit(None)


async def test_without_any_key_an_open_door_lets_everybody_in_and_a_closed_one_nobody() -> None:
    assert await House(open_door=True).doorman.admit(None) is None
    assert await House(open_door=True).doorman.admit("sk-anything") is None
    assert await House().refuses(None)


async def test_the_first_key_closes_an_open_door() -> None:
    house = House(open_door=True)
    assert await house.doorman.admit(None) is None
    house.desk.create("ana", by="t")
    house.now += FRESH_S + 0.1
    assert await house.refuses(None)


async def test_a_revoked_key_is_refused_soon() -> None:
    house = House()
    secret, _ = house.desk.create("ana", by="t")
    await house.doorman.admit(secret)
    house.desk.revoke("ana", by="t")
    house.now += FRESH_S + 0.1
    assert await house.refuses(secret)


async def test_a_new_key_works_at_once_and_wrong_ones_make_no_work() -> None:
    house = House()
    house.desk.create("ana", by="t")
    await house.refuses("wrong")
    house.now += 0.5
    secret, key = house.desk.create("bob", by="t")
    assert await house.doorman.admit(secret) == key
    reads = house.n_reads
    for _ in range(20):
        assert await house.refuses("wrong")
    assert house.n_reads == reads


async def test_while_the_store_is_away_known_keys_go_on_but_not_for_ever() -> None:
    house = House()
    secret, key = house.desk.create("ana", by="t")
    await house.doorman.admit(secret)
    house.down = True
    house.now += FRESH_S + 0.1
    assert await house.doorman.admit(secret) == key
    house.now += STALE_S
    with pytest.raises(KeysUnknown):
        await house.doorman.admit(secret)
    house.down = False
    house.now += FRESH_S + 0.1
    assert await house.doorman.admit(secret) == key


async def test_nobody_comes_in_before_the_keys_were_read_once() -> None:
    house = House(open_door=True)
    house.down = True
    with pytest.raises(KeysUnknown):
        await house.doorman.admit(None)


async def test_a_slow_store_is_asked_once_for_all_and_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seatrial.gateway.routes.doorman._PATIENCE_S", 0.01)
    house = House()
    secret, key = house.desk.create("ana", by="t")
    await house.doorman.admit(secret)
    gate, read = threading.Event(), house.read

    def slow(ring: KeyRing) -> KeyRing:
        gate.wait()
        return read(ring)

    monkeypatch.setattr(house.doorman, "_read", slow)
    house.now += FRESH_S + 0.1
    reads = house.n_reads
    try:
        assert await house.doorman.admit(secret) == key
        assert await house.doorman.admit(secret) == key
        assert house.n_reads == reads
    finally:
        gate.set()


async def test_all_who_come_first_at_once_come_in_after_one_look() -> None:
    house = House()
    secret, key = house.desk.create("ana", by="t")
    came = await asyncio.gather(*(house.doorman.admit(secret) for _ in range(20)))
    assert came == [key] * 20
    assert house.n_reads == 1
