"""Looking at registries: polling is the truth, a webhook makes it look now."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.training.following.desk import FOLLOWER
from seatrial.training.following.nudges import PREFIX as NUDGES
from seatrial.wiring.registry.follow import rest_s
from tests.wiring.registry_bench import Bench, benched


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    config = {"url": "memory", "every": "10s", "models": {"churn": {}, "risk": {}}}
    with benched(tmp_path, monkeypatch, config) as made:
        yield made


def keys(bench: Bench) -> list[str]:
    return [key for key, _ in bench.runs()]


def test_a_version_is_met_at_the_next_look(bench: Bench) -> None:
    bench.follower.tick()
    bench.registered(b"1")
    bench.clock.advance(9.9)
    bench.follower.tick()
    assert keys(bench) == []
    bench.clock.advance(0.1)
    bench.follower.tick()
    assert keys(bench) == ["churn@mlflow:1"]


def test_a_webhook_makes_it_look_now_and_only_once(bench: Bench) -> None:
    bench.follower.tick()
    bench.registered(b"1")
    bench.store.beat(f"{NUDGES}worker/a/0", {"counts": {"accepted": 1}})
    bench.follower.tick()
    assert keys(bench) == ["churn@mlflow:1"]
    bench.registered(b"2")
    bench.store.beat(f"{NUDGES}worker/a/0", {"counts": {"accepted": 1, "refused": 7}})
    bench.follower.tick()
    assert keys(bench) == ["churn@mlflow:1"]
    bench.store.beat(f"{NUDGES}worker/b/0", {"counts": {"accepted": 1}})
    bench.follower.tick()
    assert keys(bench) == ["churn@mlflow:1", "churn@mlflow:2"]


def test_an_offer_is_met_at_once(bench: Bench) -> None:
    from seatrial.registry.offers import OfferedFacts

    bench.follower.tick()
    bench.own.offer_bytes("churn", "m.pkl", [b"1"], OfferedFacts(), by="me")
    bench.own.offer_bytes("unfollowed", "m.pkl", [b"1"], OfferedFacts(), by="me")
    bench.follower.tick()
    assert keys(bench) == ["churn@own:1", "unfollowed@own:1"]


def test_a_registry_that_is_down_is_asked_again_told_once_and_shown(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.mlflow.down = True
    with caplog.at_level(logging.INFO):
        for _ in range(120):
            bench.follower.tick()
            bench.clock.advance(1.0)
        (beat,) = bench.store.present(FOLLOWER)
        sources = beat.data["sources"]
        assert isinstance(sources, dict)
        assert "in memory is down" in sources["mlflow"]["problem"]
        assert sources["own"]["problem"] == ""
        assert 'seatrial_registry_up{registry="mlflow"} 0' in str(beat.data["metrics"])
        assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
        bench.registered(b"1")
        bench.mlflow.down = False
        for _ in range(61):
            bench.follower.tick()
            bench.clock.advance(1.0)
    assert keys(bench) == ["churn@mlflow:1"]
    assert "answers again" in caplog.text


def test_two_servers_start_one_run(bench: Bench) -> None:
    first = bench.follower
    bench.start()
    bench.registered(b"1")
    assert first.tick()
    assert not bench.follower.tick()
    bench.clock.advance(60)  # the first is gone
    assert bench.follower.tick()
    first._lease = None
    first._sources["mlflow"].due_s = 0.0
    first.tick()
    assert keys(bench) == ["churn@mlflow:1"]


def test_a_process_killed_between_event_and_run_leaves_nothing_out(bench: Bench) -> None:
    bench.follower.tick()
    bench.registered(b"1")
    bench.clock.advance(11)
    bench.follower._start = lambda *_: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        bench.follower.tick()
    assert keys(bench) == []
    bench.start()
    bench.clock.advance(11)
    bench.follower.tick()
    assert keys(bench) == ["churn@mlflow:1"]


def test_a_model_that_is_not_there_yet_is_met_when_it_comes(bench: Bench) -> None:
    for _ in range(3):
        bench.follower.tick()
        bench.clock.advance(10)
    assert bench.store.streams("followed/") == []
    bench.registered(b"1", model="risk")
    bench.follower.tick()
    assert keys(bench) == ["risk@mlflow:1"]


@pytest.mark.parametrize(
    ("every_s", "took_s", "expected"),
    [(1.0, 0.0, 1.0), (1.0, 0.04, 1.0), (1.0, 0.2, 4.0), (1.0, 30.0, 10.0), (60.0, 30.0, 60.0)],
)
def test_a_registry_that_takes_long_is_asked_less_often_but_not_forgotten(
    every_s: float, took_s: float, expected: float
) -> None:
    assert rest_s(every_s, took_s=took_s) == pytest.approx(expected)


def test_whoever_brings_runs_forward_is_told_of_each_once(bench: Bench) -> None:
    told: list[int] = []
    bench.follower._on_started = lambda: told.append(len(bench.runs()))
    bench.follower.tick()
    bench.registered(b"1")
    for _ in range(3):
        bench.clock.advance(10)
        bench.follower.tick()
    assert told == [1]
