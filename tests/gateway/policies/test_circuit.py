from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.circuit import (
    TRANSITIONS,
    Answered,
    Asked,
    CircuitOptions,
    CircuitPhase,
    CircuitState,
    Dropped,
    Failed,
    admits,
    closes_in_s,
    step,
)

OPTIONS = CircuitOptions(
    failure_rate=0.5, window_s=30, min_calls=8, failures_in_row=5, open_s=4, longest_open_s=20
)


def play(state: CircuitState, outcomes: str, at: float = 100.0, every_s: float = 0.1):
    """Outcomes by letter: a(nswered), f(ailed), d(ropped), one after the other."""
    kinds = {"a": Answered, "f": Failed, "d": Dropped}
    for number, letter in enumerate(outcomes):
        now = at + number * every_s
        assert admits(state, now, OPTIONS)
        state = step(state, Asked(now), OPTIONS)
        state = step(state, kinds[letter](now, state.epoch), OPTIONS)
    return state


def opened(at: float = 100.0) -> CircuitState:
    return play(CircuitState(), "fffff", at, 0)


@pytest.mark.parametrize(
    ("outcomes", "phase"),
    [
        ("ffff", CircuitPhase.CLOSED),
        ("fffff", CircuitPhase.OPEN),
        ("ffffafff", CircuitPhase.OPEN),  # 7 of 8
        ("affaffa", CircuitPhase.CLOSED),  # too few calls
        ("afafafaf", CircuitPhase.OPEN),  # 4 of 8
        ("afaafafaafafaafafa", CircuitPhase.CLOSED),  # less than half
        ("ffffdf", CircuitPhase.OPEN),  # what tells nothing is as if it had not been
        ("dddddddddd", CircuitPhase.CLOSED),
    ],
)
def test_it_opens_on_failures_in_a_row_and_on_their_rate(outcomes, phase):
    assert play(CircuitState(), outcomes).phase is phase


def test_requests_under_way_may_yet_be_answered():
    state = CircuitState()
    for _ in range(40):
        state = step(state, Asked(100.0), OPTIONS)
    for n_failed in range(1, 20):
        state = step(state, Failed(100.0, 0), OPTIONS)
        assert (state.phase, state.n_under_way) == (CircuitPhase.CLOSED, 40 - n_failed)
    answered = step(state, Answered(101.0, 0), OPTIONS)
    assert answered.n_in_row == 0
    assert step(state, Dropped(101.0, 0), OPTIONS).n_under_way == 20
    assert step(state, Failed(101.0, 0), OPTIONS).phase is CircuitPhase.OPEN  # 20 of 40


def test_the_rate_counts_requests_under_way_as_answered():
    state = play(CircuitState(), "afafafa")  # 3 of 7
    for n_under_way, phase in ((1, CircuitPhase.OPEN), (2, CircuitPhase.CLOSED)):
        busy = state
        for _ in range(n_under_way):
            busy = step(busy, Asked(101.0), OPTIONS)
        assert step(busy, Failed(101.0, 0), OPTIONS).phase is phase


def test_calls_that_are_long_past_do_not_count():
    assert play(CircuitState(), "aafaffaf", every_s=2).phase is CircuitPhase.OPEN
    assert play(CircuitState(), "faffaffaffaffaff", every_s=8).phase is CircuitPhase.CLOSED


def test_an_open_circuit_lets_nothing_through_until_its_time_is_over():
    state = opened(100.0)
    assert not admits(state, 103.9, OPTIONS)
    assert closes_in_s(state, 103.0, OPTIONS) == pytest.approx(1)
    assert admits(state, 104.0, OPTIONS)


def test_a_half_open_circuit_lets_its_probes_through_and_no_more():
    state = step(opened(100.0), Asked(104.0), OPTIONS)
    assert state.phase is CircuitPhase.HALF_OPEN
    state = step(state, Asked(104.1), OPTIONS)
    assert not admits(state, 104.2, OPTIONS)
    assert 0 < closes_in_s(state, 104.2, OPTIONS) <= OPTIONS.open_s


def test_probes_that_are_answered_close_it_and_the_past_is_forgotten():
    state = play(opened(100.0), "aa", at=104.0)
    assert state == CircuitState(epoch=3)


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_longest():
    state, at, spans = opened(100.0), 100.0, []
    for _ in range(5):
        spans.append(state.until - at)
        at = state.until
        state = play(state, "f", at)
    assert spans == [4, 8, 16, 20, 20]


def test_a_probe_that_tells_nothing_leaves_its_place_to_another():
    state = play(opened(100.0), "ddd", at=104.0)
    assert state.phase is CircuitPhase.HALF_OPEN
    assert state.n_probing == 0


def test_probes_that_never_come_back_do_not_keep_it_half_open():
    state = step(step(opened(100.0), Asked(104.0), OPTIONS), Asked(104.0), OPTIONS)
    assert not admits(state, 123.9, OPTIONS)
    assert admits(state, 124.0, OPTIONS)
    later = step(state, Asked(124.0), OPTIONS)
    assert step(later, Failed(124.1, state.epoch), OPTIONS) == later


def test_an_outcome_from_before_tells_nothing_about_a_probe():
    before = CircuitState()
    state = step(opened(100.0), Asked(104.0), OPTIONS)
    for kind in (Answered, Failed, Dropped):
        assert step(state, kind(104.5, before.epoch), OPTIONS) == state


def test_a_provider_that_asks_for_it_is_left_alone_for_longer_but_not_for_ever():
    assert opened().until == 104
    state = play(CircuitState(), "ffff", 100.0, 0)
    assert step(state, Failed(100.0, state.epoch, 9), OPTIONS).until == 109
    assert step(state, Failed(100.0, state.epoch, 900), OPTIONS).until == 120


Moves = st.lists(
    st.tuples(st.sampled_from(["ask", "answer", "fail", "fail", "fail", "drop"]), st.floats(0, 8)),
    max_size=80,
)


@given(moves=Moves, n_probes=st.integers(1, 3))
def test_it_only_ever_moves_as_the_table_says(moves, n_probes):
    options = CircuitOptions(
        window_s=10, min_calls=4, failures_in_row=3, open_s=2, longest_open_s=8, n_probes=n_probes
    )
    state, now, under_way = CircuitState(), 0.0, []
    probes: dict[int, int] = defaultdict(int)
    for move, wait_s in moves:
        now += wait_s
        if move == "ask":
            if not admits(state, now, options):
                assert closes_in_s(state, now, options) >= 0
                continue
            event: object = Asked(now)
        elif not under_way:
            continue
        else:
            epoch = under_way.pop(0)
            kinds = {"answer": Answered, "fail": Failed, "drop": Dropped}
            event = kinds[move](now, epoch)
        after = step(state, event, options)
        assert after.phase in TRANSITIONS[state.phase, type(event)]
        assert after.epoch - state.epoch in (0, 1)
        assert (after.phase is state.phase) or after.epoch == state.epoch + 1
        if isinstance(event, Asked):
            under_way.append(after.epoch)
            if after.phase is CircuitPhase.HALF_OPEN:
                probes[after.epoch] += 1
        state = after
        assert sum(slot[1] for slot in state.window) < 1000
        assert len(state.window) <= 11
        assert state.n_probing + state.n_proved <= n_probes


def test_every_move_of_the_table_can_happen():
    closed, half = CircuitState(), step(opened(100.0), Asked(104.0), OPTIONS)
    almost = play(CircuitState(), "ffff", 100.0, 0)
    proved = step(half, Answered(104.0, half.epoch), OPTIONS)
    seen = defaultdict(set)
    for state in (closed, almost, opened(100.0), half, proved):
        for event in (
            Asked(104.0),
            Answered(104.0, state.epoch),
            Failed(104.0, state.epoch),
            Failed(104.0, state.epoch - 1),
            Dropped(104.0, state.epoch),
        ):
            seen[state.phase, type(event)].add(step(state, event, OPTIONS).phase)
    assert {key: frozenset(phases) for key, phases in seen.items()} == dict(TRANSITIONS)
