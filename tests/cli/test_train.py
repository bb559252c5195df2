"""`seatrial train` and `seatrial runs`: what they print, and what they end with."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.cli.train import new_id
from seatrial.training.runs import failures
from seatrial.training.runs.order import TrainingOrder

PROGRAM = """
from seatrial.training import report

def train(out, lr: float = 0.1):
    report(loss=lr, step=0)
    (out / "model.pkl").write_bytes(b"m")

def boom(): raise ValueError("bad luck")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    (tmp_path / "seatrial.yaml").write_text("training: {trackers: []}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_function_is_trained_listed_shown_and_compared(folder, capsys):
    first = ["train", "program.py:train", "--no-check", "--data", "rows.csv", "--label", "y"]
    code, out, err = told(capsys, *first, "--set", "lr=0.5", "--run", "one", "--json")
    assert code == Exit.DONE
    found = json.loads(out)
    assert (found["run"], found["parameters"], found["metrics"]) == (
        "one",
        {"lr": 0.5},
        {"loss": 0.5},
    )
    (following,) = [line for line in err.splitlines() if line.strip().startswith("next:")]
    words = shlex.split(following.partition("next:")[2])
    assert words[:4] == ["seatrial", "deploy", found["model"], "--name"]
    assert words[-2:] == ["--label", "y"]
    assert told(capsys, *first, "--set", "lr=0.25", "--run", "two")[0] == Exit.DONE
    code, out, err = told(capsys, "runs", "list", "--json")
    assert [one["id"] for one in json.loads(out)] == ["two", "one"]
    assert "loss 0.25" in err
    code, out, err = told(capsys, "runs", "show", "on", "--json")
    assert json.loads(out)["curves"] == {"loss": [[0, 0.5]]}
    for said in ("program.py:train", "rows.csv", "lr", "took"):
        assert said in err
    code, out, err = told(capsys, "runs", "compare", "one", "two", "--json")
    assert json.loads(out)["parameters"] == {"lr": [0.5, 0.25]}
    code, _, err = told(capsys, "runs", "show", "three")
    assert (code, "no run 'three'" in err) == (Exit.NOT_FOUND, True)
    code, _, err = told(capsys, "runs", "sync")
    assert (code, "No tracker" in err) == (Exit.DONE, True)


def test_a_command_after_two_dashes_is_run_as_it_stands(folder, capsys):
    script = 'echo "$SEATRIAL_PARAMETER_LR {lr}" > "$SEATRIAL_OUT/model.txt"'
    words = ["train", "--set", "lr=0.5", "--no-check", "--json", "--", "sh", "-c", script]
    code, out, _ = told(capsys, *words)
    assert code == Exit.DONE
    assert Path(json.loads(out)["model"]).read_text() == "0.5 0.5\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["program.py:boom"], Exit.INVALID, "ValueError: bad luck"),
        (["nowhere"], Exit.NOT_FOUND, "no training 'nowhere'"),
        ([], Exit.INVALID, "Neither a recipe nor a command"),
        (["x", "--", "y"], Exit.INVALID, "Both the recipe 'x' and a command"),
        (["x", "--set", "lr"], Exit.USAGE, "not NAME=VALUE"),
        (["program.py:train", "--run", "../x"], Exit.INVALID, "no id of a run"),
        (["program.py:train", "--data", "none.csv"], Exit.INVALID, "none.csv"),
        (
            ["program.py:train", "--data", "rows.csv", "--label", "WRONG"],
            Exit.INVALID,
            "Name one of its columns: a, y.",
        ),
    ],
)
def test_what_goes_wrong_has_its_exit_code(folder, capsys, words, code, said):
    found, _, err = told(capsys, "train", *words)
    assert (found, said in err) == (code, True), err


def test_a_model_worse_than_a_constant_is_a_gate_that_failed(folder, capsys, monkeypatch):
    def worse(*_args, **_more):
        raise failures.WorseThanConstant("It is worse.", remedy="Look.", run="r")

    monkeypatch.setattr("seatrial.wiring.training.trainer.train_order", worse)
    code, out, err = told(capsys, "train", "program.py:train", "--json")
    assert code == Exit.GATE_FAILED
    assert json.loads(out)["error"]["code"] == "training.worse_than_constant"
    assert "It is worse." in err


def test_without_runs_the_list_says_how_to_begin(folder, capsys):
    code, _, err = told(capsys, "runs", "list")
    assert (code, "seatrial train" in err) == (Exit.DONE, True)


@pytest.mark.parametrize("called", ["churn", "a/b/train me.py:f", "模型.py:f", "./-x", "sh"])
def test_an_id_that_is_made_up_is_one(called):
    TrainingOrder(id=new_id(called), recipe="x")
    assert new_id(called) != new_id(called)
