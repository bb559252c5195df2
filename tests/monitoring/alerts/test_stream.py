"""A stream's state, kept up to date and changed by comparison."""

import pytest

from seatrial.kernel.events import Draft
from seatrial.kernel.store import StreamChanged
from seatrial.monitoring.alerts.stream import Stream
from seatrial.testing.memory_store import MemoryStore


def counting(store: MemoryStore) -> Stream[int]:
    return Stream(store, "a", state=0, fold=lambda state, facts: state + len(facts))


def test_two_that_change_one_stream_both_do_and_neither_twice():
    store = MemoryStore()
    one, other = counting(store), counting(store)
    assert one.change(lambda n: [Draft(kind="k")]) == 1
    assert other.change(lambda n: [Draft(kind="k")] if n < 2 else []) == 2
    assert one.change(lambda n: [Draft(kind="k")] if n < 2 else []) == 2
    assert len(store.read()) == 2


def test_nothing_to_say_appends_nothing():
    store = MemoryStore()
    assert counting(store).change(lambda n: []) == 0
    assert store.head() == 0


def test_it_reads_more_than_a_page():
    store = MemoryStore()
    store.append("a", [Draft(kind="k")] * 2500, expected=0)
    assert counting(store).refresh() == 2500


def test_it_gives_up_when_somebody_is_always_faster():
    store = MemoryStore()
    stream = counting(store)

    def interrupted(n: int) -> list[Draft]:
        store.append("a", [Draft(kind="k")], expected=len(store.read()))
        return [Draft(kind="k")]

    with pytest.raises(StreamChanged):
        stream.change(interrupted)
