"""Who meets which arm, who is told of it, and what is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import seatrial.serving.enrolment as module
from seatrial.kernel.store import StoreUnavailable
from seatrial.release.trial import Arm, Trial
from seatrial.release.variant import Split
from seatrial.serving.enrolment import (
    EXPOSURES,
    Enrolment,
    Exposures,
    ExposuresUnreadable,
    decode,
    encode,
    unit_of,
)
from seatrial.serving.outcome import OK
from seatrial.serving.record import Recorder, trial_stream
from seatrial.serving.router import Router
from seatrial.testing import FakeClock, MemoryStore

AT = datetime(2026, 1, 1, tzinfo=UTC)
TRIAL = Trial(
    experiment="e",
    arms=(Arm(name="today", version=1, share=1), Arm(name="next", version=2, share=1)),
    traffic=0.5,
)
KEYS = [f"user-{i}".encode() for i in range(400)]


def enrolled(exposures: Exposures) -> Enrolment[str]:
    return Enrolment([TRIAL], {"e": ["today", "next"]}, "outside", {"e": exposures})


def test_a_key_meets_its_arm_and_is_told_of_once() -> None:
    exposures = Exposures(lambda: AT)
    enrolment = enrolled(exposures)
    met = {key: enrolment.meet(key) for key in KEYS}
    assert {key: enrolment.meet(key) for key in KEYS} == met
    names = ("today", "next")
    expected = {k: "outside" if (p := TRIAL.place(k)) is None else names[p] for k in KEYS}
    assert met == expected
    told = exposures.take()
    assert told == [
        (k.decode(), names.index(v), round(AT.timestamp() * 1e6))
        for k, v in met.items()
        if v != "outside"
    ]


def test_what_is_forgotten_is_told_of_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_KNOWN", 10)
    exposures = Exposures(lambda: AT)
    enrolment = enrolled(exposures)
    for _ in range(2):
        for key in KEYS:
            enrolment.meet(key)
    n_in_it = sum(TRIAL.place(key) is not None for key in KEYS)
    assert len(exposures.take()) == 2 * n_in_it


def test_a_store_that_takes_nothing_costs_no_memory_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MAX_HELD", 5)
    exposures = Exposures(lambda: AT)
    enrolment = enrolled(exposures)
    first = [enrolment.meet(key) for key in KEYS]
    assert len(exposures.take()) == 5
    exposures.taken(5)
    assert [enrolment.meet(key) for key in KEYS] == first
    assert len(exposures.take()) == 5  # those that found no room are told of now


@pytest.mark.parametrize("key", [b"\xff\xfe", b"x" * 201, b"a\nb"])
def test_a_key_that_no_outcome_could_name_is_in_no_experiment(key: bytes) -> None:
    exposures = Exposures(lambda: AT)
    assert unit_of(key) is None
    assert enrolled(exposures).meet(key) == "outside"
    assert exposures.take() == []


def test_a_slice_of_the_longest_keys_is_what_a_store_keeps() -> None:
    longest = [("x" * 200, 1, 2**52)] * module._PER_SLICE
    assert len(encode(longest)) < 4 * 2**20
    assert decode(encode(longest[:2])) == longest[:2]


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x02\x90"])
def test_what_is_no_slice_of_exposures_is_refused(data: bytes) -> None:
    with pytest.raises(ExposuresUnreadable):
        decode(data)


class _Version:
    pass


def routed(recorder: Recorder) -> tuple[Router[Any], dict[int, _Version]]:
    router: Router[Any] = Router(recorder)
    loaded = {1: _Version(), 2: _Version()}
    router.apply("m", 7, Split(stable=1, trials=(TRIAL,)), loaded)
    return router, loaded


def test_a_request_without_a_key_gets_the_version_in_production() -> None:
    router, loaded = routed(Recorder(worker="w", clock=FakeClock()))
    assert {router.pick("m").version for _ in range(50)} == {loaded[1]}
    assert {router.pick("m", key).version for key in KEYS} == set(loaded.values())
    assert router.pick("m", KEYS[0], 2).version is loaded[2]


def test_answers_of_an_arm_are_counted_for_the_endpoint_and_for_the_experiment() -> None:
    clock, store = FakeClock(), MemoryStore(clock=FakeClock())
    recorder = Recorder(worker="w", clock=clock)
    router, _ = routed(recorder)
    for key in KEYS:
        router.pick("m", key).observe(0.01, OK)
    recorder.flush(store)
    places = [TRIAL.place(key) for key in KEYS]
    from seatrial.release.measurement import Summary

    def counted(stream: str, version: int) -> int:
        pieces = [piece for _, piece in store.read_slices(stream) if piece.version == version]
        return sum(Summary.decode(piece.summary).n for piece in pieces)

    stream = trial_stream("e")
    assert [counted(stream, i + 1) for i in (0, 1)] == [places.count(0), places.count(1)]
    assert counted("m", 1) + counted("m", 2) == len(KEYS)
    met = [x for _, p in store.read_slices(stream, kind=EXPOSURES) for x in decode(p.summary)]
    assert len(met) == len(KEYS) - places.count(None)


def test_exposures_wait_for_a_store_that_does_not_answer() -> None:
    class Down(MemoryStore):
        def add_slices(self, slices: Any) -> None:
            raise StoreUnavailable("Away.", remedy="Wait.")

    clock = FakeClock()
    recorder = Recorder(worker="w", clock=clock)
    router, _ = routed(recorder)
    for key in KEYS:
        router.pick("m", key)
    with pytest.raises(StoreUnavailable):
        recorder.flush(Down(clock=clock))
    store = MemoryStore(clock=clock)
    recorder.flush(store)
    recorder.flush(store)
    slices = store.read_slices(trial_stream("e"), kind=EXPOSURES)
    assert len(slices) == 1
