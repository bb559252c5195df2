"""`seatrial registry` and `seatrial register`, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.registry.archive import pack
from seatrial.registry.bundle import Bundle
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Done, End, Step, Workflow
from seatrial.training.following.standing import ArrivalInput, Standing
from seatrial.wiring.workspace import open_workspace
from tests.registry.conftest import bundle, contents  # noqa: F401 - fixtures

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


@pytest.mark.parametrize("alias", ["", "two words", "-x", "a" * 101, "é", "a/b"])
def test_an_alias_that_may_not_be_is_refused_before_anything_is_offered(
    folder: Path, capsys: Any, alias: str
) -> None:
    words = ("register", "model.pkl", "--model", "churn", "--no-wait", "--alias", alias)
    code, answer = told(capsys, *words)
    assert (code, answer["error"]["code"]) == (Exit.INVALID, "registry.refused")
    assert "beginning with a letter or digit" in answer["error"]["remedy"]
    assert told(capsys, "register", *words[1:5])[1]["number"] == 1


def test_an_archive_of_another_name_or_none_is_refused_before_it_is_offered(
    folder: Path,
    capsys: Any,
    bundle: Bundle,  # noqa: F811 - the fixture
) -> None:
    (folder / "seatrial.yaml").write_text('{"registry": {"models": {"sales": {}, "churn": {}}}}')
    pack(bundle, folder / "churn.seatrial.tar.gz")
    words = ("register", "churn.seatrial.tar.gz", "--no-wait", "--model")
    code, answer = told(capsys, *words, "sales")
    assert (code, answer["error"]["code"]) == (Exit.INVALID, "deploy.name_differs")
    assert "--model churn of register" in answer["error"]["remedy"]
    (folder / "broken.seatrial.tar.gz").write_bytes(b"nothing")
    code, answer = told(capsys, "register", "broken.seatrial.tar.gz", *words[2:], "sales")
    assert (code, answer["error"]["code"]) == (Exit.INVALID, "bundle.archive_unreadable")
    assert told(capsys, *words, "churn") == (Exit.DONE, {"model": "churn", "number": 1})


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
