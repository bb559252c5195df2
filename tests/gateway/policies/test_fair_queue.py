from collections import defaultdict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.fair_queue import FairQueue


def test_keys_take_turns_and_each_key_keeps_its_order():
    queue: FairQueue[str] = FairQueue(10)
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        assert queue.push(item[0], item) is None
    assert [queue.pop() for _ in range(6)] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    with pytest.raises(IndexError):
        queue.pop()


def test_a_key_that_comes_back_goes_to_the_end_of_the_turns():
    queue: FairQueue[str] = FairQueue(10)
    for item in ("a1", "a2", "b1"):
        queue.push(item[0], item)
    assert queue.pop() == "a1"
    queue.push("c", "c1")
    assert [queue.pop() for _ in range(3)] == ["b1", "a2", "c1"]


def test_a_full_queue_takes_no_more_from_who_fills_it():
    queue: FairQueue[str] = FairQueue(2)
    queue.push("a", "a1")
    queue.push("a", "a2")
    assert queue.push("a", "a3") == "a3"
    assert len(queue) == 2


def test_who_has_little_takes_a_place_from_who_has_most():
    queue: FairQueue[str] = FairQueue(4)
    for item in ("a1", "a2", "a3", "b1"):
        queue.push(item[0], item)
    assert queue.push("b", "b2") == "a3"
    assert queue.push("b", "b3") == "b3"
    assert queue.push("c", "c1") in ("a2", "b2")
    assert len(queue) == 4


def test_nothing_waits_where_nothing_may():
    assert FairQueue[str](0).push("a", "a1") == "a1"


def test_items_leave_out_of_turn():
    queue: FairQueue[str] = FairQueue(4)
    queue.push("a", "a1")
    assert queue.remove("a", "a1")
    assert not queue.remove("a", "a1")
    assert not queue.remove("b", "a1")
    assert len(queue) == 0


@given(
    most=st.integers(0, 8),
    moves=st.lists(
        st.tuples(st.sampled_from(["push", "push", "pop", "remove"]), st.sampled_from("abc"))
    ),
)
def test_nothing_is_lost_doubled_or_out_of_order(most, moves):
    queue: FairQueue[tuple[str, int]] = FairQueue(most)
    model: dict[str, deque[tuple[str, int]]] = defaultdict(deque)
    for number, (move, key) in enumerate(moves):
        if move == "push":
            item = (key, number)
            gone = queue.push(key, item)
            if gone is not item:
                model[key].append(item)
            if gone is not None and gone is not item:
                assert model[gone[0]].pop() == gone
                assert len(model[gone[0]]) + 1 >= len(model[key])
        elif move == "pop" and len(queue):
            item = queue.pop()
            assert model[item[0]].popleft() == item
        elif move == "remove" and model[key]:
            assert queue.remove(key, model[key].pop())
        assert len(queue) == sum(map(len, model.values())) <= most


@given(counts=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 20), min_size=1))
def test_while_it_waits_no_key_is_served_more_often_than_another_by_two(counts):
    queue: FairQueue[str] = FairQueue(1000)
    for key, n in counts.items():
        for _ in range(n):
            queue.push(key, key)
    served: dict[str, int] = dict.fromkeys(counts, 0)
    while len(queue):
        served[queue.pop()] += 1
        waiting = [served[key] for key in counts if served[key] < counts[key]]
        assert all(served[key] - least <= 1 for key in counts for least in waiting)
