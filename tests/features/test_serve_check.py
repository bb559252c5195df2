import math

import pytest

from seatrial.features.offline import EntityRow
from seatrial.features.online import Read, State, Value
from seatrial.features.serve_check import MEANING, Difference, compare, same
from seatrial.features.view import Repository, ValueType


def compared(repository: Repository, offline: list[Value], online: list[Read]):
    rows = [EntityRow(key={"user_id": i}, time_us=100) for i in range(len(offline))]
    selected = repository.select(["user_stats:avg_order_value"])
    (one,) = compare(rows, selected, [(v,) for v in offline], [(r,) for r in online])
    return one


def present(value: Value, age_us: int = 5) -> Read:
    return Read(State.PRESENT, value, age_us)


def test_what_is_the_same_or_absent_in_both_agrees(repository: Repository) -> None:
    online = [present(1.5), present(2.0, 9), Read(State.MISSING), Read(State.STALE, None, 99)]
    one = compared(repository, [1.5, 2, None, None], [*online])
    assert (one.n, one.n_absent, one.n_hidden, one.n_different) == (4, 2, 1, 0)
    assert one.oldest_us == 9


@pytest.mark.parametrize(
    ("offline", "online", "difference"),
    [
        (1.0, Read(State.MISSING), Difference.NOT_MATERIALIZED),
        (1.0, Read(State.STALE, None, 10), Difference.STALE_ONLINE),
        (1.0, Read(State.NULL, None, 1), Difference.NULL_ONLINE),
        (None, present(1.0), Difference.ONLY_ONLINE),
        (1.0, present(1.1), Difference.VALUE),
    ],
)
def test_each_difference_is_told_with_an_example(
    repository: Repository, offline: Value, online: Read, difference: Difference
) -> None:
    one = compared(repository, [7.0, offline], [present(7.0), online])
    assert one.differences == {difference: 1}
    (example,) = one.examples[difference]
    assert (example.key, example.offline, example.state) == ({"user_id": 1}, offline, online.state)
    assert MEANING[difference]


def test_few_examples_are_kept(repository: Repository) -> None:
    one = compared(repository, [1.0] * 50, [Read(State.MISSING)] * 50)
    assert one.differences == {Difference.NOT_MATERIALIZED: 50}
    assert len(one.examples[Difference.NOT_MATERIALIZED]) == 5


def test_floats_are_the_same_as_far_as_their_type_holds_them() -> None:
    assert same(ValueType.FLOAT, 0.1, 0.10000000149011612)
    assert not same(ValueType.DOUBLE, 0.1, 0.10000000149011612)
    assert same(ValueType.DOUBLE, 0.1 + 0.2, 0.3)
    assert same(ValueType.DOUBLE, math.nan, math.nan)
    assert not same(ValueType.DOUBLE, math.nan, 1.0)
    assert not same(ValueType.STRING, "a", "b")
    assert not same(ValueType.INT64, 2**60, 2**60 - 2**40)
