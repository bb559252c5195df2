"""Experiments by command: the same desk as everybody's, and exit codes that say how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import EndpointState, start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Staged, Step, decide
from seatrial.serving.outcome import OK
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router

DESIGN: dict[str, Any] = {
    "experiment": "offers",
    "endpoint": "m",
    "versions": {"today": 1, "next": 2},
    "variants": {"today": 1, "next": 1},
    "primary": {"name": "bought", "kind": "share", "effect": "10%", "baseline": {"mean": 0.2}},
}
PLAN = Plan(steps=(Step(share=1.0, watch_s=0.0),))

Say = Callable[..., tuple[int, Any]]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Of a home whose endpoint has a version in production and one that is tested."""
    made = SqliteStore(tmp_path / "seatrial.db")
    endpoints = Endpoints(made)
    for version, target in ((1, "production"), (2, "staging")):
        endpoints.change("m", partial(begun, version=version, target=target))
        endpoints.change("m", passed)
    return made


def begun(state: EndpointState, *, version: int, target: str) -> list[Draft]:
    return start(state, version=version, digest="d", target=target, plan=PLAN)


def passed(state: EndpointState) -> list[Draft]:
    assert state.rollout is not None
    return decide(state.rollout, Staged(passed=True, reason="fine"), stable=state.stable)


@pytest.fixture
def say(store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(DESIGN, sort_keys=False))

    def command(*words: str) -> tuple[int, Any]:
        home = ["--home", str(tmp_path), "--json"]
        code = run(["experiment", *words, *home])
        return code, json.loads(capsys.readouterr().out)

    return command


def ask(store: SqliteStore, n: int) -> dict[str, int]:
    """What a worker does when so many users come."""
    recorder = Recorder(worker="w", clock=SystemClock())
    router: Router[int] = Router(recorder)
    endpoints = Endpoints(store)
    endpoints.refresh()
    target = endpoints.get("m").target
    router.apply("m", 1, target.split, {v: v for v in target.split.versions})
    met = {}
    for user in (f"u{i}" for i in range(n)):
        pick = router.pick("m", user.encode())
        pick.observe(0.01, OK)
        met[user] = pick.version
    recorder.flush(store)
    return met


def test_an_experiment_is_started_fed_looked_at_and_decided(
    say: Say, store: SqliteStore, tmp_path: Path
) -> None:
    code, record = say("start", "--design", str(tmp_path / "e.yaml"))
    assert (code, record["phase"]) == (Exit.DONE, "running")
    met = ask(store, 600)
    rows = [
        {"user": u, "metric": "bought", "value": 1, "id": "o"}
        for i, (u, version) in enumerate(met.items())
        if i % 10 < (2 if version == 1 else 6)
    ]
    file = tmp_path / "o.json"
    file.write_text(json.dumps(rows))
    assert say("status", "offers")[0] == Exit.INCONCLUSIVE
    code, record = say("outcomes", "offers", str(file))
    assert (code, record["n"]) == (Exit.DONE, len(rows))
    code, record = say("status", "offers")
    assert record["counts"]["n_units"] == 600
    assert record["variants"][1]["requests"]["n"] == list(met.values()).count(2)
    assert (code, record["phase"], record["winner"]) == (Exit.DONE, "decided", "next")
    assert len(say("status")[1]) == 1


def test_a_draft_waits_for_its_start_and_a_stop_says_why(say: Say, tmp_path: Path) -> None:
    assert say("start", "--design", str(tmp_path / "e.yaml"), "--draft")[1]["phase"] == "draft"
    assert say("start", "offers")[1]["phase"] == "running"
    code, record = say("widen", "offers", "--traffic", "1")
    assert (code, record["error"]["code"]) == (Exit.INVALID, "experiment.not_wider")
    code, record = say("stop", "offers", "--reason", "enough")
    assert (code, record["phase"], record["reason"]) == (Exit.DONE, "stopped", "enough")
    code, record = say("start", "offers")
    assert (code, record["error"]["code"]) == (Exit.CONFLICT, "experiment.conflict")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["start"], Exit.USAGE),
        (["start", "none"], Exit.NOT_FOUND),
        (["status", "none"], Exit.NOT_FOUND),
        (["stop", "none"], Exit.NOT_FOUND),
        (["widen", "none", "--traffic", "1"], Exit.NOT_FOUND),
        (["widen", "none", "--traffic", "0"], Exit.USAGE),
        (["outcomes", "none", "nowhere.csv"], Exit.NOT_FOUND),
        (["plan", "--baseline", "0.1", "--effect", "5%", "--endpoint", "none"], Exit.NOT_FOUND),
        (["plan", "--baseline", "0.1", "--effect", "5%", "--endpoint", "m"], Exit.NOT_FOUND),
    ],
)
def test_what_is_not_there_is_told_by_the_exit_code(say: Say, words: list[str], code: int) -> None:
    assert say(*words)[0] == code
