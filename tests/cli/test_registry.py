"""`seatrial registry` and `seatrial register`, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Done, End, Step, Workflow
from seatrial.training.following.standing import ArrivalInput, Standing
from seatrial.wiring.workspace import open_workspace

CONFIG = {"registry": {"models": {"churn": {"holdout": "holdout.csv"}}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seatrial.yaml").write_text(json.dumps(CONFIG))
    (tmp_path / "model.pkl").write_bytes(b"a model")
    return tmp_path


def told(capsys: Any, *arguments: str) -> tuple[int, Any]:
    code = run((*arguments, "--json"))
    return code, json.loads(capsys.readouterr().out)


def test_a_version_is_offered_an_alias_moved_and_both_are_shown(folder: Path, capsys: Any) -> None:
    register = ("register", "model.pkl", "--model", "churn", "--no-wait")
    assert told(capsys, *register) == (Exit.DONE, {"model": "churn", "number": 1})
    code, moved = told(capsys, "registry", "alias", "churn", "champion", "1")
    assert (code, moved["alias"]) == (Exit.DONE, "champion")
    code, status = told(capsys, "registry", "status")
    assert (code, status["follows"], status["arrivals"]) == (Exit.DONE, False, [])
    assert status["models"]["churn"]["endpoint"] == "churn"


def test_what_nobody_follows_is_not_taken(folder: Path, capsys: Any) -> None:
    code, answer = told(capsys, "register", "model.pkl", "--model", "other")
    assert (code, answer["error"]["code"]) == (Exit.NOT_FOUND, "registry.model_not_followed")
    code, answer = told(capsys, "register", "none.pkl", "--model", "churn")
    assert (code, answer["error"]["code"]) == (Exit.NOT_FOUND, "registry.file_missing")
    code, answer = told(capsys, "registry", "again", "churn", "3")
    assert (code, answer["error"]["code"]) == (Exit.NOT_FOUND, "registry.version_unknown")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("promoted", Exit.DONE),
        ("worse", Exit.GATE_FAILED),
        ("cannot_tell", Exit.INCONCLUSIVE),
        ("failed", Exit.INVALID),
    ],
)
def test_the_end_is_followed_to_its_exit_code(
    folder: Path, capsys: Any, outcome: str, expected: Exit
) -> None:
    workspace = open_workspace()
    store = workspace.open_store()
    given = ArrivalInput(
        source="own", model="churn", number=1, endpoint="churn", cause="registered", revision=1
    )
    step = Step(name="tell", gives=Standing, act=lambda _: Done(Standing()))
    flow = Workflow(kind="registry", takes=ArrivalInput, steps=(step,))
    runs = Runs(store)
    runs.start(flow, key=given.key, input=given, reason="offered", by="registry")
    from seatrial.kernel.clock import SystemClock
    from seatrial.steps.worker import Worker

    ending = End(outcome, "as it is", {"version": 2, "release": "churn-2-1", "code": ""})
    step = Step(name="tell", gives=Standing, act=lambda _: ending)
    flow = Workflow(kind="registry", takes=ArrivalInput, steps=(step,))
    worker = Worker(store, [flow], clock=SystemClock(), holder="t", spawn=lambda work, _: work())
    for _ in range(3):
        worker.tick()
    store.close()
    code, answer = told(capsys, "register", "model.pkl", "--model", "churn")
    assert code == expected
    assert (answer["outcome"], answer["version"], answer["card"]) == (outcome, 2, None)
    code, status = told(capsys, "registry", "status")
    assert status["arrivals"][0]["outcome"] == outcome
    assert run(("registry", "status")) == Exit.DONE
