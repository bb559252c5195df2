from itertools import pairwise

import pytest

from seatrial.kernel.store import Beat
from seatrial.monitoring.service.config import ServiceConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.monitoring.service.saturation import Reading, Readings, judge_saturation, reading

CONFIG = ServiceConfig()
GIB = 1 << 30


def said(
    at_s: float,
    worker: str = "worker/s/0",
    *,
    cpu_s: float | None = 0.0,
    rss: int | None = GIB,
    queue: float = 0.0,
) -> Reading:
    return Reading(
        worker=worker,
        at_s=at_s,
        cpu_s=cpu_s,
        n_cpus=2.0,
        rss_bytes=rss,
        memory_bytes=10 * GIB,
        queues={("churn", 1): queue},
    )


def judged(readings: list[Reading], now_s: float = 300.0) -> dict[str, ServiceFinding]:
    return {f.signal: f for f in judge_saturation(readings, CONFIG, now_s=now_s)}


def steady(**told: float) -> list[Reading]:
    share = told.get("cpu", 0.1)
    return [
        said(t, cpu_s=share * 2 * t, rss=int(told.get("gib", 1) * GIB), queue=told.get("queue", 0))
        for t in range(0, 301, 10)
    ]


def test_a_beat_is_read() -> None:
    beat = Beat(
        name="worker/s/1",
        age_s=2.0,
        data={
            "pid": 1,
            "counts": {
                "versions": [
                    {"model": "churn", "version": 3, "waiting": 256, "queue_limit": 1024, "n": 1},
                    {"model": "gone", "version": 2, "waiting": 0, "queue_limit": 0},
                ],
                "cpu_s": 7.5,
                "n_cpus": 2.0,
                "rss_bytes": 5,
                "memory_bytes": 50,
                "store_up": True,
            },
        },
    )
    found = reading(beat, at_s=100.0)
    assert found == Reading(
        worker="worker/s/1",
        at_s=98.0,
        cpu_s=7.5,
        n_cpus=2.0,
        rss_bytes=5,
        memory_bytes=50,
        queues={("churn", 3): 0.25},
    )
    assert found.server == "s"


@pytest.mark.parametrize("data", [{}, {"counts": None}, {"counts": {"cpu_s": "much"}}])
def test_a_beat_that_says_nothing_of_itself_is_no_reading(data: dict[str, object]) -> None:
    assert reading(Beat(name="worker/s/0", age_s=0.0, data=data), at_s=0.0) is None


def test_an_older_worker_says_less() -> None:
    beat = Beat(name="worker/s/0", age_s=0.0, data={"counts": {"versions": []}})
    older = reading(beat, at_s=300.0)
    assert older is not None
    findings = judged([older])
    assert {f.level for f in findings.values()} == {Level.INCONCLUSIVE}


def test_an_idle_machine_is_well() -> None:
    findings = judged(steady())
    assert {f.level for f in findings.values()} == {Level.OK}
    assert findings["cpu"].value == pytest.approx(0.1)
    assert findings["memory"].value == pytest.approx(0.1)
    assert findings["queue"].labels == {"server": "s", "endpoint": "churn", "version": "1"}


@pytest.mark.parametrize(
    ("signal", "told", "level"),
    [
        ("cpu", {"cpu": 0.85}, Level.WARNING),
        ("cpu", {"cpu": 0.99}, Level.CRITICAL),
        ("memory", {"gib": 8.5}, Level.WARNING),
        ("memory", {"gib": 9.5}, Level.CRITICAL),
        ("queue", {"queue": 0.6}, Level.WARNING),
        ("queue", {"queue": 0.9}, Level.CRITICAL),
    ],
)
def test_levels(signal: str, told: dict[str, float], level: Level) -> None:
    findings = judged(steady(**told))
    assert findings[signal].level is level
    assert {f.level for name, f in findings.items() if name != signal} == {Level.OK}


@pytest.mark.parametrize("readings", [[], [said(0.0)]])
def test_where_no_worker_runs_nothing_is_known(readings: list[Reading]) -> None:
    findings = judged(readings)
    assert {f.level for f in findings.values()} == {Level.INCONCLUSIVE}
    assert set(findings) == {"cpu", "memory", "queue"}


def test_workers_of_a_server_share_its_machine_and_servers_do_not() -> None:
    readings = [
        said(t, f"worker/{server}/{index}", cpu_s=0.45 * 2 * t, rss=4 * GIB)
        for t in range(0, 301, 10)
        for server in ("a", "b")
        for index in range(2)
    ]
    findings = judge_saturation(readings, CONFIG, now_s=300.0)
    for server in ("a", "b"):
        mine = {f.signal: f for f in findings if f.labels["server"] == server}
        assert mine["cpu"].value == pytest.approx(0.9)
        assert mine["memory"].value == pytest.approx(0.8)


def test_a_worker_that_started_anew_does_not_make_a_negative_share() -> None:
    readings = [said(t, cpu_s=100 + 0.2 * t) for t in range(0, 150, 10)]
    readings += [said(t, cpu_s=0.2 * (t - 150)) for t in range(150, 301, 10)]
    assert judged(readings)["cpu"].value == pytest.approx(0.1)


def test_one_full_second_is_not_a_full_queue() -> None:
    readings = [said(t, queue=1.0 if t == 300 else 0.0) for t in range(240, 301, 10)]
    assert judged(readings)["queue"].level is Level.OK


def test_memory_that_leaks_is_told_before_it_is_gone() -> None:
    readings = [said(t, rss=int((4 + 3 * t / 3600) * GIB)) for t in range(0, 3601, 60)]
    one = judged(readings, now_s=3600.0)["memory"]
    assert (one.level, one.code) == (Level.WARNING, "service.will_be_critical")
    assert one.crossing is not None
    assert one.crossing.in_s == pytest.approx(2400, rel=0.05)
    assert "crosses 90 % in about 40 min" in one.reason


def test_readings_are_thinned_and_forgotten() -> None:
    kept = Readings()
    for t in range(3 * 3600):
        kept.add([said(float(t))], now_s=float(t))
    times = [r.at_s for r in kept.all()]
    assert 700 < len(times) <= 722
    assert min(b - a for a, b in pairwise(times)) >= 10
    kept.add([], now_s=1e6)
    assert kept.all() == []
