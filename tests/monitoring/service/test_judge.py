import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seatrial.kernel.store import Slice
from seatrial.monitoring.service.config import Levels, ServiceConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.monitoring.service.history import ServiceHistory, Span
from seatrial.monitoring.service.judge import Seen, judge_service, look
from seatrial.release.measurement import Summary
from seatrial.testing.memory_store import MemoryStore

CONFIG = ServiceConfig()
NOW_S = 1_800_000_000


def summary(n: int, ms: float = 20.0, *, seed: int = 1, **errors: int) -> Summary:
    """Answers whose p95 is at ``ms``."""
    rng = np.random.default_rng(seed)
    times = rng.exponential(ms / 1e3 / -np.log(0.05), n)
    return Summary.of(times, errors=errors)


def seen(
    window: Summary,
    minutes: Callable[[int], Summary] | None = None,
    windows: Callable[[float], Summary] | None = None,
) -> Seen:
    """What was seen; ``minutes`` makes the summary of so many minutes ago."""
    pairs = CONFIG.error_budget.windows if CONFIG.error_budget else ()
    lengths = sorted({s for pair in pairs for s in (pair.long, pair.short)})
    spans = [
        Span(start_s=NOW_S - 60 * ago, width_s=60, summary=minutes(ago))
        for ago in (range(60, 0, -1) if minutes else ())
    ]
    return Seen(
        window=window,
        minutes=spans,
        windows={s: windows(s) if windows else window for s in lengths},
        at_s=NOW_S,
    )


def found(what: Seen, signal: str, config: ServiceConfig = CONFIG) -> ServiceFinding:
    (one,) = (f for f in judge_service(what, config) if f.signal == signal and not f.labels)
    return one


def test_a_quick_service_without_errors_is_well() -> None:
    findings = judge_service(seen(summary(10_000)), CONFIG)
    assert {f.signal: f.level for f in findings} == {
        "p95": Level.OK,
        "error_rate": Level.OK,
        "error_budget": Level.OK,
        "shed_share": Level.OK,
    }


def test_without_requests_nothing_is_well() -> None:
    findings = judge_service(seen(Summary.empty()), CONFIG)
    assert {f.level for f in findings} == {Level.INCONCLUSIVE}
    assert all("no request" in f.reason for f in findings)
    assert found(seen(Summary.empty()), "p95").value is None


@pytest.mark.parametrize(
    ("ms", "level"), [(60, Level.OK), (150, Level.WARNING), (400, Level.CRITICAL)]
)
def test_latency_is_held_against_its_levels(ms: float, level: Level) -> None:
    one = found(seen(summary(10_000, ms)), "p95")
    assert one.level is level
    assert one.value == pytest.approx(ms, rel=0.1)
    assert one.interval is not None
    assert one.interval.lower < ms < one.interval.upper


@pytest.mark.parametrize(
    ("k", "level"), [(0, Level.OK), (50, Level.WARNING), (300, Level.CRITICAL)]
)
def test_errors_are_held_against_their_levels(k: int, level: Level) -> None:
    one = found(seen(summary(10_000, timeout=k)), "error_rate")
    assert one.level is level
    assert one.evidence == ({"timeout": k} if k else {})


def test_a_kind_of_error_over_its_level_is_named() -> None:
    findings = judge_service(seen(summary(10_000, timeout=80, crashed=2)), CONFIG)
    kinds = [f.labels["kind"] for f in findings if f.signal == "error_rate" and f.labels]
    assert kinds == ["timeout"]
    assert any("error rate (timeout) 0.8 %" in f.reason for f in findings)


@pytest.mark.parametrize("n", [1, 5, 100])
def test_few_requests_without_errors_are_not_called_well(n: int) -> None:
    one = found(seen(summary(n)), "error_rate")
    assert one.level is Level.INCONCLUSIVE
    assert one.code == "service.too_few_requests"


def test_one_error_among_few_requests_is_not_called_broken() -> None:
    one = found(seen(summary(20, timeout=1)), "error_rate")
    assert (one.level, one.code) == (Level.INCONCLUSIVE, "service.unproven")
    assert "chance may do that" in one.reason


def test_refused_requests_count_of_all_that_came() -> None:
    shed = Summary.of(np.full(900, 0.01), n_shed=100)
    one = found(seen(shed), "shed_share")
    assert (one.level, one.value, one.n) == (Level.CRITICAL, 0.1, 1000)


def climbing(start: float, per_minute: float) -> Callable[[int], Summary]:
    return lambda ago: summary(400, start + per_minute * (60 - ago), seed=ago)


def test_a_climb_to_the_critical_level_is_a_warning_before_it_is_there() -> None:
    minutes = climbing(30, 1.0)  # 89 ms now, 200 ms in about 110 minutes
    window = minutes(1) + minutes(2) + minutes(3) + minutes(4) + minutes(5)
    config = CONFIG.model_copy(update={"ahead": 3 * 3600.0})
    one = found(seen(window, minutes), "p95", config)
    assert (one.level, one.code, one.limit) == (Level.WARNING, "service.will_be_critical", 200)
    assert one.crossing is not None
    assert one.crossing.in_s == pytest.approx(111 * 60, rel=0.25)
    assert "crosses 200 ms in about 1 h" in one.reason


def test_a_slow_climb_is_told_and_changes_no_level() -> None:
    minutes = climbing(20, 0.8)  # 67 ms now, 100 ms in about 40 minutes
    window = minutes(1) + minutes(2) + minutes(3) + minutes(4) + minutes(5)
    one = found(seen(window, minutes), "p95")
    assert (one.level, one.limit) == (Level.OK, 100)
    assert one.crossing is not None
    assert one.crossing.in_s == pytest.approx(40 * 60, rel=0.3)
    assert "crosses 100 ms in about" in one.reason


def test_what_is_over_the_warning_level_is_forecast_to_the_critical_one() -> None:
    minutes = climbing(60, 1.2)
    one = found(seen(minutes(1) + minutes(2) + minutes(3), minutes), "p95")
    assert one.level is Level.WARNING
    assert one.limit == 100
    assert one.crossing is not None
    assert "crosses 200 ms" in one.reason


def test_a_steady_service_is_forecast_nothing() -> None:
    minutes = climbing(60, 0.0)
    one = found(seen(minutes(1) + minutes(2), minutes), "p95")
    assert one.crossing is None


def test_a_budget_burns_by_its_windows() -> None:
    def windows(seconds: float) -> Summary:
        return summary(int(seconds), timeout=int(seconds * 0.02))

    findings = judge_service(seen(windows(300), windows=windows), CONFIG)
    budget = {f.labels["window"]: f for f in findings if f.signal == "error_budget"}
    assert {w: f.level for w, f in budget.items()} == {
        "1 h": Level.CRITICAL,
        "6 h": Level.CRITICAL,
        "3 d": Level.WARNING,
    }
    assert budget["1 h"].value == pytest.approx(20)
    assert "the budget of 30 d lasts 1 d 12 h like this" in budget["1 h"].reason


def test_a_window_without_requests_is_inconclusive() -> None:
    def windows(seconds: float) -> Summary:
        return Summary.empty() if seconds < 3600 else summary(5_000)

    findings = judge_service(seen(summary(100), windows=windows), CONFIG)
    hour = next(f for f in findings if f.labels.get("window") == "1 h")
    assert hour.level is Level.INCONCLUSIVE
    assert "no request over the last 5 min" in hour.reason


def test_what_is_switched_off_is_not_judged() -> None:
    config = ServiceConfig(
        p95_ms=None, p99_ms=Levels(warning=50, critical=80), error_budget=None, shed_share=None
    )
    findings = judge_service(seen(summary(10_000, 60)), config)
    assert {f.signal for f in findings} == {"p99", "error_rate"}
    assert findings[0].level is Level.CRITICAL


def test_findings_are_plain_data() -> None:
    minutes = climbing(20, 0.8)
    for what in (seen(Summary.empty()), seen(minutes(1), minutes), seen(summary(9, timeout=9))):
        for one in judge_service(what, CONFIG):
            assert json.loads(json.dumps(one.as_dict(), allow_nan=False))["signal"] == one.signal


@pytest.mark.parametrize("n", [50, 300, 3_000])
def test_a_service_just_at_its_level_is_seldom_called_broken(n: int) -> None:
    rng = np.random.default_rng(5)
    broken = 0
    for k in rng.binomial(n, 0.001, 300):
        one = found(seen(Summary.of(np.full(n, 0.01), errors={"timeout": int(k)})), "error_rate")
        broken += one.level in (Level.WARNING, Level.CRITICAL)
    assert broken <= 4  # 0.1 % of 300, with room for chance


def pieces(now: datetime, minutes: int, **told: float) -> list[Slice]:
    """A slice a minute, half a minute into each."""
    return [
        Slice(
            endpoint="churn",
            version=1,
            revision=2,
            worker="w",
            start=now - timedelta(minutes=ago, seconds=-30),
            width_s=1.0,
            summary=summary(int(told["n"]), told["ms"], seed=ago).encode(),
        )
        for ago in range(minutes, 0, -1)
    ]


def test_from_slices_to_findings() -> None:
    now = datetime.fromtimestamp(NOW_S - NOW_S % 300 + 3, UTC)
    store = MemoryStore()
    store.add_slices(pieces(now, 120, n=500, ms=150))
    history = ServiceHistory(store, "churn")
    history.refresh(now)
    findings = judge_service(look(history, CONFIG, now=now), CONFIG)
    levels = {(f.signal, f.labels.get("window")): f.level for f in findings}
    assert levels["p95", None] is Level.WARNING
    assert levels["error_rate", None] is Level.OK
    assert levels["throughput", None] is Level.OK
    assert levels["error_budget", "1 h"] is Level.OK
    one_version = judge_service(look(history, CONFIG, now=now, version=1), CONFIG)
    assert "throughput" not in {f.signal for f in one_version}
    unseen = judge_service(look(history, CONFIG, now=now, version=9), CONFIG)
    assert {f.level for f in unseen} == {Level.INCONCLUSIVE}


def test_when_requests_stop_coming_the_traffic_is_low_and_the_rest_unknown() -> None:
    now = datetime.fromtimestamp(NOW_S - NOW_S % 300 + 3, UTC)
    store = MemoryStore()
    store.add_slices(pieces(now - timedelta(minutes=10), 60, n=500, ms=20))
    history = ServiceHistory(store, "churn")
    history.refresh(now)
    findings = {f.signal: f for f in judge_service(look(history, CONFIG, now=now), CONFIG)}
    assert findings["throughput"].level is Level.WARNING
    assert "0 % of the usual" in findings["throughput"].reason
    assert findings["p95"].level is Level.INCONCLUSIVE
    assert findings["error_rate"].level is Level.INCONCLUSIVE


def test_a_finding_of_a_bad_version_does_not_hide_behind_a_good_one() -> None:
    good, bad = summary(10_000, 20), summary(500, 20, timeout=40)
    assert found(seen(bad), "error_rate").level is Level.CRITICAL
    assert found(seen(good + bad), "error_rate").level is Level.WARNING
