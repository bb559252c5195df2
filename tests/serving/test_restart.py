"""Restarts slow down, stop at the bound, and start again after the cool-off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.restart import RestartPolicy, next_restart

POLICY = RestartPolicy(
    max_restarts=3, window_s=60, first_delay_s=0.5, factor=2, max_delay_s=1.5, cool_off_s=30
)


def test_the_delay_grows_up_to_its_bound() -> None:
    delays = [next_restart(POLICY, range(n), now=10).delay_s for n in range(3)]
    assert delays == [0.5, 1.0, 1.5]


def test_too_many_restarts_in_the_window_mean_down_until_the_cool_off() -> None:
    step = next_restart(POLICY, (1.0, 2.0, 3.0), now=10)
    assert step.down
    assert step.delay_s == 30


def test_restarts_before_the_window_are_forgotten() -> None:
    step = next_restart(POLICY, (1.0, 2.0, 3.0), now=62.5)
    assert not step.down
    assert step.recent == (3.0,)


@given(st.lists(st.floats(0, 1000), max_size=50), st.floats(0, 2000))
def test_never_more_than_the_bound_within_a_window(times: list[float], later: float) -> None:
    past = sorted(times)
    now = (past[-1] if past else 0) + later
    step = next_restart(POLICY, past, now=now)
    assert step.down == (len(step.recent) >= POLICY.max_restarts)
    assert 0 <= step.delay_s <= POLICY.cool_off_s
