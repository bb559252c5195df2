from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest

from seatrial.gateway.ledger.budget import BudgetInvalid
from seatrial.gateway.routes.key_desk import KeyDesk, KeyMissing
from seatrial.gateway.routes.keys import MAX_NAME, STREAM, KeyNameInvalid, KeyNameTaken
from seatrial.kernel.events import Draft
from seatrial.kernel.store import StreamChanged
from seatrial.testing import MemoryStore

AT = datetime(2026, 11, 26, tzinfo=UTC)


def desk(store: MemoryStore) -> KeyDesk:
    numbers = count()
    return KeyDesk(store, now=lambda: AT, random=lambda n: next(numbers).to_bytes(n, "little"))


def test_a_new_key_works_and_is_listed() -> None:
    store = MemoryStore()
    secret, key = desk(store).create("ana", by="me", models=("m",))
    ring = desk(store).ring()
    assert ring.find(secret, at_s=AT.timestamp()) == key
    assert list(ring) == [key]


def test_what_was_read_before_is_not_read_again() -> None:
    store = MemoryStore()
    here = desk(store)
    _, first = here.create("ana", by="me")
    ring = here.ring()
    _, second = here.create("bob", by="me")
    read = []
    whole = store.read
    store.read = lambda **asked: read.extend(found := whole(**asked)) or found  # type: ignore[method-assign]
    assert list(here.ring(ring)) == [first, second]
    assert len(read) == 1


def test_revoking_ends_a_key_once() -> None:
    store = MemoryStore()
    here = desk(store)
    secret, key = here.create("ana", by="me")
    assert here.revoke("ana", by="me").id == key.id
    here.revoke(key.id, by="me")
    assert here.ring().find(secret, at_s=AT.timestamp()) is None
    assert len(store.read(stream=STREAM)) == 2


def test_what_is_wrong_is_said_and_nothing_kept() -> None:
    store = MemoryStore()
    here = desk(store)
    here.create("ana", by="me")
    with pytest.raises(KeyNameTaken):
        here.create("ana", by="me")
    with pytest.raises(BudgetInvalid):
        here.create("bob", by="me", budget_usd=Decimal(10**9))
    with pytest.raises(KeyMissing, match="'carl'"):
        here.revoke("carl", by="me")
    assert len(store.read(stream=STREAM)) == 1


def test_a_key_made_meanwhile_by_somebody_else_is_in_the_way_of_none_but_its_name() -> None:
    store = MemoryStore()
    append, others = store.append, iter(["bob", "ana"])

    def overtaken(stream: str, drafts: list[Draft], *, expected: int) -> object:
        name = next(others, None)
        if name is not None:
            data = {**drafts[0].data, "id": name, "name": name}
            append(stream, [Draft(kind=drafts[0].kind, data=data)], expected=expected)
        return append(stream, drafts, expected=expected)

    store.append = overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyNameTaken):
        desk(store).create("ana", by="me")
    assert sorted(key.name for key in desk(store).ring()) == ["ana", "bob"]


def test_a_stream_that_never_rests_is_given_up() -> None:
    store = MemoryStore()

    def changed(stream: str, drafts: list[Draft], *, expected: int) -> object:
        raise StreamChanged("It moves.", remedy="Wait.")

    store.append = changed  # type: ignore[method-assign, assignment]
    with pytest.raises(StreamChanged):
        desk(store).create("ana", by="me")


@pytest.mark.parametrize("name", ["", " ana", "a\nb", "\x1b[2J", "a\u202eb", "x" * (MAX_NAME + 1)])
def test_a_name_that_a_list_cannot_show_is_refused(name: str) -> None:
    store = MemoryStore()
    with pytest.raises(KeyNameInvalid, match="printable characters"):
        desk(store).create(name, by="me")
    assert not store.read(stream=STREAM)
    desk(store).create("Zoë, 检索 " + "x" * (MAX_NAME - 8), by="me")
