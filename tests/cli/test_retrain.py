"""`seatrial retrain` over a home without a server: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.training.retraining.exposition import BEAT
from seatrial.wiring.workspace import open_workspace

CONFIG = """
training:
  trackers: []
  recipes:
    churn: {function: "train.py:train"}
retraining:
  churn:
    training: churn
    label: y
    data: {source: table, table: {source: rows.parquet}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "seatrial.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path


def record(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["retrain", *arguments, "--json"]) == Exit.DONE
    return json.loads(capsys.readouterr().out)


def test_what_never_ran_is_idle(capsys: pytest.CaptureFixture[str]) -> None:
    (view,) = record(capsys, "status")
    assert (view["name"], view["status"], view["n_runs"]) == ("churn", "idle", 0)
    assert record(capsys, "history", "churn") == []


def test_a_run_is_begun_once_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    view = record(capsys, "now", "churn", "--reason", "a new tariff")
    assert view["run"]["id"] == "retraining/churn-1"
    assert view["run"]["causes"][0]["reason"].endswith("wants it: a new tariff")
    assert run(["retrain", "now", "churn"]) != Exit.DONE
    assert "retraining.under_way" in capsys.readouterr().err


def test_what_is_cancelled_may_be_begun_again(capsys: pytest.CaptureFixture[str]) -> None:
    record(capsys, "now", "churn")
    view = record(capsys, "cancel", "churn", "--reason", "not now")
    assert (view["run"]["status"], view["run"]["reason"]) == ("cancelled", "not now")
    assert run(["retrain", "cancel", "churn"]) != Exit.DONE
    assert "retraining.nothing_to_decide" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status", "chrun"), "retraining.unknown"),
        (("now", "chrun"), "retraining.unknown"),
        (("retry", "churn"), "retraining.nothing_to_decide"),
        (("approve", "churn"), "retraining.nothing_to_decide"),
        (("cancel", "churn"), "retraining.nothing_to_decide"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    arguments: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["retrain", *arguments]) != Exit.DONE
    assert code in capsys.readouterr().err


@pytest.mark.parametrize(
    ("step", "output", "code"),
    [
        ("rows", "{", "retraining.output_invalid"),
        ("rows", "[]", "retraining.output_invalid"),
        ("rows", "{}", "steps.bad_record"),
        ("train", "{}", "retraining.nothing_to_decide"),
        ("dance", "{}", "retraining.nothing_to_decide"),
    ],
)
def test_what_a_person_gives_is_looked_at(
    step: str, output: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record(capsys, "now", "churn")
    command = ["retrain", "take-over", "churn", "--step", step, "--output", output]
    assert run(command) != Exit.DONE
    assert code in capsys.readouterr().err


@pytest.mark.parametrize("works", [True, False])
def test_that_no_server_works_is_said_when_a_run_is_begun(
    works: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if works:
        open_workspace().open_store().beat(BEAT, {})
    assert run(["retrain", "now", "churn"]) == Exit.DONE
    assert ("start one with `seatrial up`" in capsys.readouterr().err) is not works
