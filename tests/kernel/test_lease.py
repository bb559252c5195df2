"""The rule of leases under any clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.lease import Held, bid

TTL_US = 10_000_000

bids = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(-(10**12), 10**12),  # how far the clock moves before the bid, either way
        st.integers(1, TTL_US),
    ),
    min_size=1,
)


def history(moves) -> list[tuple[str, int, Held]]:
    """Who asked at which time, and the lease after it."""
    held, now_us, past = None, 0, []
    for holder, step_us, ttl_us in moves:
        now_us += step_us
        held = bid(held, holder, now_us=now_us, ttl_us=ttl_us)
        past.append((holder, now_us, held))
    return past


@given(bids)
def test_no_two_holders_ever_get_the_same_token(moves):
    owner: dict[int, str] = {}
    for _, _, held in history(moves):
        assert owner.setdefault(held.token, held.holder) == held.holder


@given(bids)
def test_tokens_grow_by_one_with_each_change_of_holder(moves):
    past = [held for _, _, held in history(moves)]
    for before, after in pairwise(past):
        assert after.token - before.token == (after.holder != before.holder)


@given(bids)
def test_a_lease_never_lasts_longer_than_its_ttl_from_the_last_look(moves):
    for _, now_us, held in history(moves):
        assert now_us < held.until_us <= now_us + held.ttl_us


@given(bids)
def test_on_a_clock_that_only_runs_a_holder_keeps_its_lease_until_it_expires(moves):
    before = None
    for asker, now_us, held in history([(h, abs(step) % TTL_US, ttl) for h, step, ttl in moves]):
        if before is not None and before.until_us > now_us:
            assert held.holder == before.holder
            assert asker == before.holder or held == before
        before = held


def test_a_dead_holder_blocks_for_its_ttl_however_far_the_clock_was_set_back():
    dead = bid(None, "dead", now_us=10**15, ttl_us=TTL_US)
    looked = bid(dead, "next", now_us=0, ttl_us=TTL_US)
    assert (looked.holder, looked.until_us) == ("dead", TTL_US)
    assert bid(looked, "next", now_us=TTL_US - 1, ttl_us=TTL_US).holder == "dead"
    taken = bid(looked, "next", now_us=TTL_US, ttl_us=TTL_US)
    assert (taken.holder, taken.token) == ("next", 2)


def test_a_living_holder_keeps_its_lease_over_a_clock_set_back():
    held = bid(None, "alive", now_us=10**15, ttl_us=TTL_US)
    held = bid(held, "rival", now_us=0, ttl_us=TTL_US)
    held = bid(held, "alive", now_us=TTL_US // 2, ttl_us=TTL_US)
    assert bid(held, "rival", now_us=TTL_US, ttl_us=TTL_US).holder == "alive"
    assert held.token == 1


def test_a_lease_given_back_changes_token_even_for_the_same_holder():
    free = Held(holder="", token=4, until_us=10**15, ttl_us=TTL_US)
    assert bid(free, "ana", now_us=0, ttl_us=TTL_US).token == 5
