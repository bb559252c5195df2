"""When a provider that fails is left alone, and how it is tried again.

    CLOSED     ── too many failures ────> OPEN
    OPEN       ── its time is over ─────> HALF_OPEN
    HALF_OPEN  ── all probes answered ──> CLOSED
    HALF_OPEN  ── a probe failed ───────> OPEN

Failures are quick and answers slow: of requests that were sent together the failures come first. So
requests under way count as if they were to be answered; else every burst would open the circuit of
a provider that fails now and then.

Pure: events carry their time. An outcome carries the `CircuitState.epoch` its request was let
through in; what began before the last change of phase tells nothing about the present one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

_SLOTS = 10


class CircuitPhase(StrEnum):
    """Whether requests are let through: all, none, or a few as probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitOptions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When to open, and for how long.

    Args:
        failure_rate: that opens the circuit, of the calls that ended in the window and those under
            way; in (0, 1].
        window_s: how far back calls count, > 0; kept to a tenth of it.
        min_calls: that ended in the window, below which its rate says nothing, >= 1.
        failures_in_row: that open it whatever the rate, if no more requests are under way than
            failed; >= 1.
        open_s, longest_open_s: how long it stays open at first, and at most; it doubles each time
            a probe fails.
        n_probes: let through at once when half open, and answered before it closes, >= 1.
    """

    failure_rate: float = 0.5
    window_s: float = 30.0
    min_calls: int = 20
    failures_in_row: int = 10
    open_s: float = 5.0
    longest_open_s: float = 60.0
    n_probes: int = 2


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request that was let through (`admits`) is sent."""

    at: float


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The provider did its work; a request it rejects for good reason counts as such."""

    at: float
    epoch: int


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The provider failed, and asks to be left alone so long."""

    at: float
    epoch: int
    retry_after_s: float = 0.0


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """The request ended without telling anything about the provider."""

    at: float
    epoch: int


CircuitEvent: TypeAlias = Asked | Answered | Failed | Dropped
Slot: TypeAlias = tuple[int, int, int]
"""Number of the slot of time, calls, failures."""


class CircuitState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is remembered of a provider.

    Args:
        epoch: changes of phase so far.
        n_in_row: failures since the last answer, when closed.
        n_under_way: requests of this epoch, when closed.
        window: of the last `window_s`, when closed; oldest first.
        until: monotonic, in s. When open: the end. When half open: from when on probes that did not
            come back are given up.
        n_openings: since it was last closed.
        n_probing, n_proved: probes under way, and answered, when half open.
    """

    phase: CircuitPhase = CircuitPhase.CLOSED
    epoch: int = 0
    n_in_row: int = 0
    n_under_way: int = 0
    window: tuple[Slot, ...] = ()
    until: float = 0.0
    n_openings: int = 0
    n_probing: int = 0
    n_proved: int = 0


_C, _O, _H = CircuitPhase.CLOSED, CircuitPhase.OPEN, CircuitPhase.HALF_OPEN
TRANSITIONS: Mapping[tuple[CircuitPhase, type[CircuitEvent]], frozenset[CircuitPhase]] = {
    (_C, Asked): frozenset({_C}),
    (_C, Answered): frozenset({_C}),
    (_C, Failed): frozenset({_C, _O}),
    (_C, Dropped): frozenset({_C}),
    (_O, Asked): frozenset({_H}),
    (_O, Answered): frozenset({_O}),
    (_O, Failed): frozenset({_O}),
    (_O, Dropped): frozenset({_O}),
    (_H, Asked): frozenset({_H}),
    (_H, Answered): frozenset({_H, _C}),
    (_H, Failed): frozenset({_H, _O}),
    (_H, Dropped): frozenset({_H}),
}
"""The phases an event may lead to; `step` makes no other change."""


def admits(state: CircuitState, now: float, options: CircuitOptions) -> bool:
    """Whether a request may be sent now."""
    if state.phase is _C:
        return True
    free = state.phase is _H and state.n_probing + state.n_proved < options.n_probes
    return free or now >= state.until


def closes_in_s(state: CircuitState, now: float, options: CircuitOptions) -> float:
    """How long to stay away when a request is not admitted, >= 0: until the next probe may go."""
    wait_s = max(0.0, state.until - now)
    if state.phase is CircuitPhase.HALF_OPEN:
        return min(wait_s, options.open_s)
    return wait_s


def step(state: CircuitState, event: CircuitEvent, options: CircuitOptions) -> CircuitState:
    """The state after an event. An `Asked` is only told of a request that was admitted."""
    if isinstance(event, Asked):
        return _asked(state, event.at, options)
    if event.epoch != state.epoch:
        return state
    if state.phase is _C:
        return _counted(state, event, options)
    return state if state.phase is _O else _probed(state, event, options)


def _asked(state: CircuitState, at: float, options: CircuitOptions) -> CircuitState:
    if state.phase is _C:
        return CircuitState(
            epoch=state.epoch,
            n_in_row=state.n_in_row,
            n_under_way=state.n_under_way + 1,
            window=state.window,
        )
    if state.phase is CircuitPhase.OPEN or at >= state.until:
        return replace(
            state,
            phase=CircuitPhase.HALF_OPEN,
            epoch=state.epoch + 1,
            until=at + options.longest_open_s,
            n_probing=1,
            n_proved=0,
        )
    return replace(state, n_probing=state.n_probing + 1)


def _counted(
    state: CircuitState, event: Answered | Failed | Dropped, options: CircuitOptions
) -> CircuitState:
    n_under_way = max(0, state.n_under_way - 1)
    if isinstance(event, Dropped):
        return replace(state, n_under_way=n_under_way)
    failed = isinstance(event, Failed)
    number = int(event.at * _SLOTS // options.window_s)
    window = state.window
    if window and window[-1][0] == number:
        _, n_calls, n_failures = window[-1]
        window = (*window[:-1], (number, n_calls + 1, n_failures + failed))
    else:
        first = number - _SLOTS
        window = (*(slot for slot in window if slot[0] > first), (number, 1, int(failed)))
    after = CircuitState(
        epoch=state.epoch,
        n_in_row=state.n_in_row + 1 if failed else 0,
        n_under_way=n_under_way,
        window=window,
    )
    if isinstance(event, Failed) and _is_enough(after, options):
        return _opened(state, event, options)
    return after


def _is_enough(state: CircuitState, options: CircuitOptions) -> bool:
    if state.n_in_row >= max(options.failures_in_row, state.n_under_way):
        return True
    n_calls = sum(slot[1] for slot in state.window)
    n_failures = sum(slot[2] for slot in state.window)
    most = options.failure_rate * (n_calls + state.n_under_way)
    return n_calls >= options.min_calls and n_failures >= most


def _probed(
    state: CircuitState, event: Answered | Failed | Dropped, options: CircuitOptions
) -> CircuitState:
    match event:
        case Failed():
            return _opened(state, event, options)
        case Dropped():
            return replace(state, n_probing=max(0, state.n_probing - 1))
        case Answered():
            if state.n_proved + 1 >= options.n_probes:
                return CircuitState(epoch=state.epoch + 1)
            return replace(
                state, n_probing=max(0, state.n_probing - 1), n_proved=state.n_proved + 1
            )


def _opened(state: CircuitState, event: Failed, options: CircuitOptions) -> CircuitState:
    open_s = options.open_s * 2.0 ** min(state.n_openings, 64)
    open_s = min(max(open_s, event.retry_after_s), options.longest_open_s)
    return CircuitState(
        phase=CircuitPhase.OPEN,
        epoch=state.epoch + 1,
        until=event.at + open_s,
        n_openings=state.n_openings + 1,
    )
