"""Counters of workers become windows, and windows findings."""

from __future__ import annotations

import random
from typing import Any

import pytest

from seatrial.kernel.store import Beat
from seatrial.monitoring.alerts.finding import Finding, Level
from seatrial.monitoring.lookups.config import LookupsConfig
from seatrial.monitoring.lookups.counted import Counted, Window
from seatrial.monitoring.lookups.findings import (
    ABSENCE,
    FRESHNESS,
    SKEW,
    absence,
    freshness,
    skew,
)
from seatrial.monitoring.lookups.watch import LookupWatch
from seatrial.stats.counts import Counts

FEATURE = "user_stats:average"
KEY = ("churn", FEATURE)
CONFIG = LookupsConfig()
NOW_S = 1_773_144_000.0
HOUR_S = 3600.0


def beat(
    worker: str = "worker/a/0",
    *,
    newest_s: float = NOW_S,
    limit_s: float | None = 24 * HOUR_S,
    **states: int,
) -> Beat:
    told: dict[str, Any] = {
        "values": [["churn", FEATURE, state, n] for state, n in states.items()],
        "newest_s": [["churn", FEATURE, newest_s]],
        "limits_s": [] if limit_s is None else [["churn", FEATURE, limit_s]],
        "failures": [],
    }
    return Beat(name=worker, data={"beside": {"features": told, "other": None}}, age_s=0.0)


def window(*, age_s: float | None = 0.0, limit_s: float | None = None, **states: int) -> Window:
    newest_s = None if age_s is None else NOW_S - age_s
    return Window(since_s=0.0, states=states, newest_s=newest_s, limit_s=limit_s)


class TestCounted:
    def counted(self) -> Counted:
        return Counted(every_s=60.0, least=100)

    def test_a_window_is_complete_after_its_time_and_with_its_values(self) -> None:
        counted = self.counted()
        assert counted.add([beat(present=5)], now_s=0.0) == {}
        assert counted.add([beat(present=500)], now_s=59.0) == {}
        (done,) = counted.add([beat(present=505)], now_s=60.0).values()
        assert done.states == {"present": 500}
        assert counted.add([beat(present=604)], now_s=200.0) == {}
        (done,) = counted.add([beat(present=605)], now_s=201.0).values()
        assert (done.states, done.since_s) == ({"present": 100}, 60.0)

    def test_workers_add_up(self) -> None:
        counted = self.counted()
        both = [beat(f"worker/a/{i}", newest_s=1.0, present=0) for i in range(2)]
        counted.add(both, now_s=0.0)
        both = [
            beat("worker/a/0", newest_s=5.0, present=60),
            beat("worker/a/1", newest_s=7.0, present=30, missing=20),
        ]
        (done,) = counted.add(both, now_s=60.0).values()
        assert done.states == {"present": 90, "missing": 20}
        assert (done.n, done.newest_s, done.limit_s) == (110, 7.0, 24 * HOUR_S)
        assert (done.stale, done.absent) == (Counts(n=110, k=0), Counts(n=110, k=20))

    def test_what_was_counted_before_is_in_no_window(self) -> None:
        counted = self.counted()
        counted.add([beat(present=1000, missing=1000)], now_s=0.0)
        (done,) = counted.add([beat(present=1100, missing=1000, stale=7)], now_s=60.0).values()
        assert done.states == {"present": 100, "missing": 0, "stale": 7}

    def test_a_worker_that_started_anew_counts_from_zero(self) -> None:
        counted = self.counted()
        counted.add([beat(present=1000)], now_s=0.0)
        counted.add([beat(present=1050)], now_s=30.0)
        (done,) = counted.add([beat(present=70)], now_s=60.0).values()
        assert done.states == {"present": 120}

    @pytest.mark.parametrize(
        "data",
        [{}, {"beside": None}, {"beside": {"routes": 1}}, {"beside": {"features": {"values": 1}}}],
    )
    def test_beats_that_say_nothing_of_features_are_passed_over(self, data: dict[str, Any]) -> None:
        assert self.counted().add([Beat(name="worker/a/0", data=data, age_s=0.0)], now_s=99.0) == {}


class TestFreshness:
    def of(self, window: Window) -> Finding:
        return freshness(KEY, window, CONFIG, now_s=NOW_S)

    @pytest.mark.parametrize(
        ("age_s", "level"),
        [
            (12 * HOUR_S, Level.CLEAR),
            (12 * HOUR_S + 1, Level.WARNING),
            (24 * HOUR_S, Level.WARNING),
            (24 * HOUR_S + 1, Level.CRITICAL),
        ],
    )
    def test_the_newest_value_may_be_half_as_old_as_counts(self, age_s: float, level: Any) -> None:
        found = self.of(window(age_s=age_s, limit_s=24 * HOUR_S, present=500))
        assert found.level is level
        if level.trouble:
            assert f"The newest value of {FEATURE} is" in found.what.en
            assert "它" not in found.what.zh
            assert "最新值距今" in found.what.zh
            assert found.features == (FEATURE,)

    @pytest.mark.parametrize(
        ("stale", "level"), [(0, Level.CLEAR), (10, Level.CLEAR), (40, Level.WARNING), (300, "c")]
    )
    def test_too_many_stale_values_are_trouble(self, stale: int, level: Any) -> None:
        found = self.of(window(present=1000 - stale, stale=stale))
        assert found.level is (Level.CRITICAL if level == "c" else level)
        if found.level.trouble:
            share = f"{stale / 10:g} %"
            assert found.what.en.startswith(f"{share} of the values of {FEATURE} are older")
            assert found.what.zh.startswith(f"{FEATURE} 的值中有 {share}")

    def test_without_a_limit_and_without_values_age_says_nothing(self) -> None:
        assert self.of(window(age_s=10**9, present=500)).level is Level.CLEAR
        assert self.of(window(age_s=None, limit_s=1.0, missing=500)).level is Level.CLEAR


class TestAbsence:
    @pytest.mark.parametrize(
        ("absent", "before", "level"),
        [
            (100, Counts(n=0, k=0), Level.UNKNOWN),
            (200, Counts(n=10_000, k=2_000), Level.CLEAR),
            (230, Counts(n=10_000, k=2_000), Level.CLEAR),
            (400, Counts(n=10_000, k=2_000), Level.WARNING),
            (700, Counts(n=10_000, k=2_000), Level.CRITICAL),
            (0, Counts(n=10_000, k=9_000), Level.CLEAR),
        ],
    )
    def test_it_is_growth_that_counts(self, absent: int, before: Counts, level: Level) -> None:
        found = absence(KEY, window(present=1000 - absent, missing=absent), before, CONFIG)
        assert found.level is level
        if level.trouble:
            assert f"{absent / 10:g} % of the values" in found.what.en
            assert "it was 20 % before" in found.what.en

    def test_nulls_count_like_missing_values(self) -> None:
        before = Counts(n=10_000, k=0)
        found = absence(KEY, window(present=500, null=250, missing=250), before, CONFIG)
        assert found.level is Level.CRITICAL


@pytest.mark.parametrize(
    ("n_different", "level"), [(0, Level.CLEAR), (15, Level.CLEAR), (60, Level.WARNING), (300, "c")]
)
def test_what_was_served_may_differ_from_training_by_little(n_different: int, level: Any) -> None:
    differences = {"value": n_different, "only_online": 1} if n_different else {}
    found = skew(KEY, n=1000, differences=differences, config=CONFIG)
    assert found.level is (Level.CRITICAL if level == "c" else level)
    assert found.labels.kind == SKEW
    if found.level.trouble:
        assert "are not what training gets" in found.what.en
        assert "most often: value" in found.what.en


class TestWatch:
    def turns(self, shares: list[float], *, seed: int = 1, n: int = 500) -> list[list[Finding]]:
        """Windows of ten minutes with so large a share of missing values."""
        rng, watch = random.Random(seed), LookupWatch(CONFIG)
        present = missing = 0
        watch.turn([beat(present=0, missing=0)], now_s=0.0)
        found = []
        for i, share in enumerate(shares, 1):
            k = sum(rng.random() < share for _ in range(n))
            present, missing = present + n - k, missing + k
            now_s = 600.0 * i
            found.append(
                watch.turn([beat(present=present, missing=missing, newest_s=now_s)], now_s=now_s)
            )
        return found

    def test_each_window_is_judged_once_by_two_findings(self) -> None:
        (first, second) = self.turns([0.2, 0.2])
        assert [one.labels.kind for one in first] == [FRESHNESS, ABSENCE]
        assert [one.level for one in first] == [Level.CLEAR, Level.UNKNOWN]
        assert [one.level for one in second] == [Level.CLEAR, Level.CLEAR]
        assert {one.labels.feature for one in second} == {FEATURE}

    def test_growth_is_found_and_does_not_become_usual(self) -> None:
        levels = [found[1].level for found in self.turns([0.1] * 5 + [0.5] * 10 + [0.1] * 2)]
        assert levels[1:5] == [Level.CLEAR] * 4
        assert levels[5:15] == [Level.CRITICAL] * 10
        assert levels[15:] == [Level.CLEAR] * 2

    def test_what_stays_the_same_is_rarely_called_trouble(self) -> None:
        """4,000 windows at most 1 in 10,000 of which may err: more than 4 have a chance of 2e-6."""
        n_wrong = sum(
            found[1].level.trouble
            for seed in range(20)
            for found in self.turns([0.3] * 200, seed=seed, n=200)
        )
        assert n_wrong <= 4
