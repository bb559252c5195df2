"""What W&B is told, apart from W&B."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.tracking.wandb import by_step, id_of
from seatrial.training.runs.run import Point


def test_points_of_a_step_are_told_together_and_in_order():
    points = [
        Point(metric="a", value=1.0, at_s=0, step=2),
        Point(metric="b", value=2.0, at_s=1, step=0),
        Point(metric="c", value=3.0, at_s=2),
        Point(metric="b", value=4.0, at_s=3, step=2),
    ]
    assert list(by_step(points)) == [(0, {"b": 2.0}), (2, {"a": 1.0, "b": 4.0}), (None, {"c": 3.0})]


@given(st.text("abcXYZ019._-", min_size=1, max_size=100), st.text("abc.-", min_size=1, max_size=9))
def test_ids_are_such_as_wandb_takes_and_stay_different(one, other):
    assert len(id_of(one)) <= 64
    assert "." not in id_of(one)
    assert (id_of(one) == id_of(other)) is (one == other)
