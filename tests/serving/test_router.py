from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.release.measurement import Summary
from seatrial.release.position import position
from seatrial.release.variant import Split
from seatrial.serving.live import LiveVersion
from seatrial.serving.record import OUTSIDE, Recorder
from seatrial.serving.router import NothingLive, Router, StillLoading, UnknownModel, UnknownVersion
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

MakeLive = Callable[..., LiveVersion]


def keys(n: int) -> list[bytes]:
    return [f"user-{i}".encode() for i in range(n)]


@pytest.fixture
def recorder(clock: FakeClock) -> Recorder:
    return Recorder(worker="worker/s/0", clock=clock)


@pytest.fixture
def router(recorder: Recorder) -> Router:
    return Router(recorder)


def evidence(recorder: Recorder) -> dict[tuple[int, int], Summary]:
    store = MemoryStore()
    recorder.flush(store)
    sums: dict[tuple[int, int], Summary] = {}
    for _, piece in store.read_slices("churn"):
        key = (piece.version, piece.revision)
        sums[key] = sums.get(key, Summary.empty()).merge(Summary.decode(piece.summary))
    return sums


def test_keys_go_where_the_split_says_and_stay_there(router: Router, make_live: MakeLive) -> None:
    split = Split(stable=1, canary=2, canary_share=0.2, salt="r")
    router.apply("churn", 5, split, {1: make_live(1), 2: make_live(2)})
    for key in keys(500):
        pick = router.pick("churn", key)
        assert pick.version.version == split.pick(position("r", key))
        assert pick is router.pick("churn", key)
        assert pick.revision == 5


@given(
    canary=st.floats(0, 1),
    shadow=st.floats(0, 1),
    place=st.floats(0, 1, exclude_max=True),
    same=st.booleans(),
)
def test_every_position_gets_what_the_split_says(
    canary: float, shadow: float, place: float, same: bool
) -> None:
    copied = 2 if same else 3
    split = Split(stable=1, canary=2, canary_share=canary, shadow=copied, shadow_share=shadow)
    router = Router(Recorder(worker="w", clock=FakeClock()), chance=lambda: place)
    lives = {v: SimpleNamespace(endpoint="churn", version=v) for v in (1, 2, 3)}
    router.apply("churn", 1, split, lives)  # type: ignore[arg-type]
    pick = router.pick("churn")
    assert pick.version.version == split.pick(place)
    expected = split.copies(place)
    if expected == pick.version.version:
        expected = None
    assert (pick.shadow.version if pick.shadow else None) == expected
    assert (pick.observe_copy is None) == (pick.shadow is None)


def test_without_a_key_chance_decides_request_by_request(
    recorder: Recorder, make_live: MakeLive
) -> None:
    router = Router(recorder)
    split = Split(stable=1, canary=2, canary_share=0.5, salt="r")
    router.apply("churn", 1, split, {1: make_live(1), 2: make_live(2)})
    seen = Counter(router.pick("churn").version.version for _ in range(2000))
    assert 800 < seen[1] < 1200


def test_a_share_of_one_takes_every_key_and_of_nought_none(
    router: Router, make_live: MakeLive
) -> None:
    loaded = {1: make_live(1), 2: make_live(2)}
    router.apply("churn", 1, Split(stable=1, canary=2, canary_share=1.0), loaded)
    assert {router.pick("churn", key).version.version for key in keys(200)} == {2}
    router.apply("churn", 2, Split(stable=1, canary=2, canary_share=0.0), loaded)
    assert {router.pick("churn", key).version.version for key in keys(200)} == {1}


def test_a_tester_reaches_any_loaded_version_and_nothing_else(
    router: Router, make_live: MakeLive
) -> None:
    router.apply("churn", 1, Split(stable=1), {1: make_live(1), 7: make_live(7)})
    assert router.pick("churn", b"k", 7).version.version == 7
    with pytest.raises(UnknownVersion, match=r"Version 2 of 'churn'.*Choose one of: 1, 7"):
        router.pick("churn", b"k", 2)


def test_unknown_models_are_answered_with_the_known_ones(
    router: Router, make_live: MakeLive
) -> None:
    with pytest.raises(UnknownModel, match=r"'spam'.*none yet"):
        router.pick("spam")
    router.apply("churn", 1, Split(stable=1), {1: make_live(1)})
    with pytest.raises(UnknownModel, match="churn"):
        router.pick("spam")
    with pytest.raises(UnknownModel):
        router.versions("spam")
    assert router.models() == ["churn"]


def test_before_the_first_promotion_nobody_answers_but_a_tester_may(
    router: Router, make_live: MakeLive
) -> None:
    router.apply("churn", 1, Split(canary=1, canary_share=0.0), {1: make_live(1)})
    with pytest.raises(NothingLive, match="churn"):
        router.pick("churn", b"k")
    assert router.pick("churn", b"k", 1).version.version == 1
    assert router.get("churn").version == 1
    router.apply("churn", 2, Split(), {})
    with pytest.raises(NothingLive):
        router.get("churn")


def test_the_version_described_is_the_stable_one_unless_named(
    router: Router, make_live: MakeLive
) -> None:
    split = Split(stable=1, canary=2, canary_share=0.9)
    router.apply("churn", 1, split, {1: make_live(1), 2: make_live(2)})
    assert router.get("churn").version == 1
    assert router.get("churn", 2).version == 2
    assert router.versions("churn") == [1, 2]
    with pytest.raises(UnknownVersion):
        router.get("churn", 3)


def test_answers_are_evidence_for_the_revision_they_were_picked_under(
    router: Router, recorder: Recorder, make_live: MakeLive
) -> None:
    loaded = {1: make_live(1)}
    router.apply("churn", 3, Split(stable=1), loaded)
    before = router.pick("churn")
    router.apply("churn", 4, Split(stable=1), loaded)
    before.observe(0.01, "ok")
    router.pick("churn").observe(0.02, "error:timeout")
    found = evidence(recorder)
    assert (found[1, 3].n, found[1, 3].n_errors) == (1, 0)
    assert (found[1, 4].n, found[1, 4].n_errors) == (1, 1)


def test_a_testers_requests_are_no_evidence(
    router: Router, recorder: Recorder, make_live: MakeLive
) -> None:
    router.apply("churn", 3, Split(stable=1), {1: make_live(1)})
    router.pick("churn", None, 1).observe(0.01, "error:bad_output")
    assert set(evidence(recorder)) == {(1, OUTSIDE)}


@pytest.mark.parametrize(("share", "revision"), [(0.0, 3), (0.2, OUTSIDE)])
def test_copies_are_evidence_only_for_a_canary_that_answers_nobody(
    recorder: Recorder, make_live: MakeLive, share: float, revision: int
) -> None:
    router = Router(recorder, chance=lambda: 0.5)
    split = Split(stable=1, canary=2, canary_share=share, shadow=2, shadow_share=1.0)
    router.apply("churn", 3, split, {1: make_live(1), 2: make_live(2)})
    pick = router.pick("churn")
    assert pick.shadow is not None
    assert pick.observe_copy is not None
    pick.observe_copy(0.01, "ok")
    assert set(evidence(recorder)) == {(2, revision)}


def test_errors_and_first_answers_of_a_canary_are_urgent_and_those_of_stable_are_not(
    recorder: Recorder, make_live: MakeLive
) -> None:
    places = iter([0.9, 0.1])
    router = Router(recorder, chance=lambda: next(places))
    split = Split(stable=1, canary=2, canary_share=0.5)
    router.apply("churn", 1, split, {1: make_live(1), 2: make_live(2)})
    router.pick("churn").observe(0.01, "error:timeout")
    assert not recorder.urgent.is_set()
    canary = router.pick("churn")
    for _ in range(300):
        canary.observe(0.01, "ok")
    assert recorder.urgent.is_set()
    recorder.urgent.clear()
    canary.observe(0.01, "ok")
    assert not recorder.urgent.is_set()
    canary.observe(0.01, "error:timeout")
    assert recorder.urgent.is_set()


def test_a_model_that_exists_but_is_not_loaded_is_not_unknown(
    router: Router, make_live: MakeLive
) -> None:
    router.expect(["churn"])
    for ask in (router.pick, router.get, router.versions):
        with pytest.raises(StillLoading, match="'churn' is being loaded") as later:
            ask("churn")
        assert later.value.facts["retry_after_s"] == 1.0
    with pytest.raises(UnknownModel):
        router.pick("other")
    assert router.expected() == ["churn"]
    router.apply("churn", 1, Split(stable=1), {1: make_live(1)})
    assert router.pick("churn").version.version == 1
    assert router.expected() == []
