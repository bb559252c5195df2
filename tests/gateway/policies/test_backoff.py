import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat import failures
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.policies.backoff import Backoff, full_jitter_s, wait_s
from seatrial.gateway.policies.breaker import CircuitOpen
from seatrial.gateway.policies.concurrency import NoRoom

KINDS = [
    cls
    for cls in vars(failures).values()
    if isinstance(cls, type) and issubclass(cls, ProviderFailure)
]
RETRIED = {
    failures.RateLimited,
    failures.Overloaded,
    failures.ServerFault,
    failures.Unreachable,
    failures.ConnectionLost,
    failures.TimedOut,
    failures.BadReply,
    failures.StreamCut,
}


def made(cls: type[ProviderFailure], retry_after_s: float | None = None) -> ProviderFailure:
    return cls("It failed.", remedy="Wait.", provider="a", retry_after_s=retry_after_s)


def wait_after(failure: ProviderFailure, **changes: object) -> float | None:
    given = {"n_failed": 1, "left_s": 60.0, "backoff": Backoff(), "chance": 0.5}
    return wait_s(failure, **{**given, **changes})


@pytest.mark.parametrize("cls", KINDS)
def test_failures_that_may_pass_are_tried_again_and_no_others(cls):
    assert (wait_after(made(cls)) is not None) == (cls in RETRIED)


@pytest.mark.parametrize("cls", [CircuitOpen, NoRoom])
def test_what_the_gateway_itself_holds_back_is_not_waited_for(cls):
    assert wait_after(made(cls, 0.1)) is None


def test_the_bound_of_the_wait_doubles_up_to_the_longest():
    backoff = Backoff(first_s=0.5, longest_s=8)
    bounds = [full_jitter_s(n, backoff, 1.0) for n in (1, 2, 3, 4, 5, 6, 2000)]
    assert bounds == [0.5, 1, 2, 4, 8, 8, 8]
    assert full_jitter_s(3, backoff, 0.0) == 0
    assert full_jitter_s(3, backoff, 0.25) == 0.5


def test_attempts_are_bounded():
    failure = made(failures.ServerFault)
    assert wait_after(failure, n_failed=2) is not None
    assert wait_after(failure, n_failed=3) is None


def test_a_provider_is_left_alone_as_long_as_it_asks_and_its_callers_return_apart():
    failure = made(failures.RateLimited, 7)
    waits = [wait_after(failure, chance=chance) for chance in (0.0, 0.5, 0.999)]
    assert waits == [7, 7.25, pytest.approx(7.4995)]


@pytest.mark.parametrize(("asked_s", "waits"), [(59, True), (60, False), (3600, False)])
def test_a_wait_that_outlasts_the_deadline_is_not_begun(asked_s, waits):
    failure = made(failures.RateLimited, asked_s)
    assert (wait_after(failure, left_s=60.0) is not None) == waits


def test_one_may_choose_not_to_wait_for_long_though_there_is_time():
    backoff = Backoff(longest_retry_after_s=10)
    assert wait_after(made(failures.RateLimited, 10), backoff=backoff) is not None
    assert wait_after(made(failures.RateLimited, 11), backoff=backoff) is None


@given(
    retry_after_s=st.none() | st.floats(0, 100),
    n_failed=st.integers(1, 100),
    left_s=st.floats(-10, 100),
    chance=st.floats(0, 1, exclude_max=True),
    first_s=st.floats(0.001, 10),
    longest_s=st.floats(0.001, 100),
)
def test_no_wait_is_shorter_than_asked_for_or_reaches_the_deadline(
    retry_after_s, n_failed, left_s, chance, first_s, longest_s
):
    backoff = Backoff(max_attempts=99, first_s=first_s, longest_s=longest_s)
    pause_s = wait_s(
        made(failures.RateLimited, retry_after_s),
        n_failed=n_failed,
        left_s=left_s,
        backoff=backoff,
        chance=chance,
    )
    if pause_s is None:
        assert n_failed >= 99 or left_s - (retry_after_s or 0) < 0.001
    else:
        assert (retry_after_s or 0) <= pause_s < left_s
        assert pause_s <= (retry_after_s or 0) + longest_s
