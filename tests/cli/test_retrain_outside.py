"""`seatrial retrain export|begin|step` over a home without a server."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cli.app import run
from seatrial.cli.exits import Exit

RETRAINED: dict[str, Any] = {
    "training": "churn",
    "label": "y",
    "orchestrator": "airflow",
    "data": {"source": "table", "table": {"source": "rows.csv"}},
    "triggers": [{"name": "nightly", "kind": "schedule", "cron": "@daily", "zone": "Asia/Tokyo"}],
}


def write(folder: Path, **more: Any) -> None:
    config = {
        "training": {
            "trackers": [],
            "recipes": {"churn": {"function": "train.py:train", "limits": {"time": "90s"}}},
        },
        "retraining": {"churn": RETRAINED | more},
    }
    (folder / "seatrial.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path


def export(*arguments: str, to: str = "airflow", into: str = "dag.py") -> int:
    return run(["retrain", "export", "churn", "--to", to, "--into", into, *arguments])


def record(capsys: pytest.CaptureFixture[str], *arguments: str, exits: int = Exit.DONE) -> Any:
    assert run(["retrain", *arguments, "--json"]) == exits
    return json.loads(capsys.readouterr().out)


def test_a_dag_has_the_steps_and_the_calendar(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = record(capsys, "export", "churn", "--to", "airflow", "--into", "dag.py")
    assert told["tasks"][0] == "rows"
    assert told["tasks"][-1] == "release"
    text = (folder / "dag.py").read_text()
    ast.parse(text)
    assert 'CRONS = ["0 0 * * *"]\nZONE = "Asia/Tokyo"' in text
    assert f'FOLDER = "{folder}"' in text
    assert "execution_timeout=seconds(690)" in text  # 90 s of the training, and what is around it
    assert export() == Exit.DONE  # written anew
    assert (folder / "dag.py").read_text() == text


def test_the_calendar_stays_with_the_server_where_it_keeps_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, orchestrator="seatrial")
    assert export() == Exit.DONE
    assert "retraining.churn.orchestrator" in capsys.readouterr().err
    assert "CRONS = []" in (folder / "dag.py").read_text()


def test_a_pipeline_knows_its_image_and_volume(folder: Path) -> None:
    arguments = ["--image", "registry/churn:1", "--claim", "data", "--config", "conf/s.yaml"]
    (folder / "conf").mkdir()
    (folder / "seatrial.yaml").rename(folder / "conf" / "s.yaml")
    assert export(*arguments, to="kubeflow") == Exit.DONE
    text = (folder / "dag.py").read_text()
    ast.parse(text)
    assert 'FOLDER = "/workspace"\nOPTIONS = ["--config", "conf/s.yaml"]\nCLAIM = "data"' in text


@pytest.mark.parametrize(
    ("arguments", "to", "code"),
    [
        (("--image", "x"), "airflow", "--image is for --to kubeflow"),
        (("--claim", "x"), "airflow", "--claim is for --to kubeflow"),
        ((), "kubeflow", "--image"),
        (("--image", "a b"), "kubeflow", "retraining.export_invalid"),
        (("--image", "x", "--claim", "A"), "kubeflow", "retraining.export_invalid"),
        (("--folder", "here"), "airflow", "retraining.export_invalid"),
        ((), "prefect", "prefect"),
    ],
)
def test_what_cannot_be_exported_is_said(
    arguments: tuple[str, ...],
    to: str,
    code: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(*arguments, to=to) != Exit.DONE
    assert code in capsys.readouterr().err
    assert not (folder / "dag.py").exists()


def test_a_place_that_cannot_be_written_loses_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.py").write_text("print('mine')\n")
    for into, code in [
        ("mine.py", "retraining.export_place_taken"),
        ("dag.yaml", "retraining.export_invalid"),
        ("nowhere/dag.py", "cli.output_not_written"),
    ]:
        assert export(into=into) != Exit.DONE
        assert code in capsys.readouterr().err
    assert (folder / "mine.py").read_text() == "print('mine')\n"


def test_a_configuration_that_cannot_be_exported_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"name": "weekly", "kind": "schedule", "cron": "@weekly", "zone": "UTC"}
    write(folder, triggers=[*RETRAINED["triggers"], other])
    assert export() == Exit.INVALID
    assert "Asia/Tokyo and UTC" in capsys.readouterr().err
    write(folder, training="chrun")
    assert export() != Exit.DONE
    assert "Did you mean 'churn'" in capsys.readouterr().err
    assert run(["retrain", "export", "chrun", "--to", "airflow", "--into", "dag.py"]) != Exit.DONE
    assert "retraining.unknown" in capsys.readouterr().err


def test_the_same_key_is_the_same_run_and_another_joins_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = record(capsys, "begin", "churn", "--key", "a")
    assert first == {"run": "retraining/churn-1", "status": "pending", "left_to": "airflow"}
    assert record(capsys, "begin", "churn", "--key", "a") == first
    assert record(capsys, "begin", "churn", "--key", "b", "--orchestrator", "kubeflow") == first
    (begun,) = record(capsys, "history", "churn")
    assert [cause["rule"] for cause in begun["causes"]] == ["airflow", "kubeflow"]
    record(capsys, "cancel", "churn")
    assert record(capsys, "begin", "churn", "--key", "c")["run"] == "retraining/churn-2"
    joined = record(capsys, "begin", "churn", "--key", "b", "--orchestrator", "kubeflow")
    assert joined["run"] == "retraining/churn-1"


@pytest.mark.parametrize("arguments", [("--key", " "), (), ("--key", "a", "--orchestrator", "a b")])
def test_a_key_is_needed_and_names_are_names(arguments: tuple[str, ...]) -> None:
    assert run(["retrain", "begin", "churn", *arguments]) == Exit.USAGE


def test_a_step_that_fails_for_good_says_so_each_time_and_may_be_begun_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rows.csv").write_text("a,y\n1,0\n")
    record(capsys, "begin", "churn", "--key", "a")
    step = ["step", "retraining/churn-1", "rows"]
    for attempt, more in [(1, []), (1, []), (2, ["--again"])]:
        told = record(capsys, *step, *more, exits=Exit.INVALID)
        assert told["error"]["code"] == "retraining.step_failed"
        assert told["error"]["facts"]["of"] == "retraining.too_few_rows"
        steps = record(capsys, "status", "churn")["run"]["steps"]
        assert steps[0]["attempt"] == attempt
    assert record(capsys, "history", "churn")[0]["outcome"] == "failed"


def test_what_may_pass_is_for_another_attempt(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("seatrial.wiring.retraining.rows.gather", away)
    record(capsys, "begin", "churn", "--key", "a")
    told = record(capsys, "step", "retraining/churn-1", "rows", exits=Exit.UNAVAILABLE)
    assert told["error"]["code"] == "retraining.step_again"


def test_the_rest_of_a_run_that_is_over_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    record(capsys, "begin", "churn", "--key", "a")
    record(capsys, "cancel", "churn", "--reason", "not now")
    told = record(capsys, "step", "retraining/churn-1", "train", exits=Exit.GATE_FAILED)
    assert (told["came"], told["outcome"], told["reason"]) == ("over", "cancelled", "not now")


@pytest.mark.parametrize(
    ("run_id", "step", "exits", "code"),
    [
        ("retraining/churn-9", "rows", Exit.NOT_FOUND, "steps.unknown_run"),
        ("", "rows", Exit.NOT_FOUND, "steps.unknown_run"),
        ("retraining/churn-1", "dance", Exit.NOT_FOUND, "steps.unknown_step"),
        ("retraining/churn-1", "train", Exit.CONFLICT, "steps.conflict"),
    ],
)
def test_a_step_that_cannot_be_done_is_said(
    run_id: str, step: str, exits: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record(capsys, "begin", "churn", "--key", "a")
    assert record(capsys, "step", run_id, step, exits=exits)["error"]["code"] == code
