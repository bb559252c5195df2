"""The text of a DAG: its constants, its tasks, and that no configuration changes its code."""

import ast
import sys
from types import ModuleType
from unittest.mock import MagicMock

import pytest

from seatrial.cli.exits import Exit
from seatrial.training.exporting.airflow import dag
from tests.training.exporting.programs import ENEMY, HOSTILE, PLAIN, TASKS, code, constants


def tasks(text):
    """Each task: the function, its settings as they are written, and the step it is given."""
    found = {}
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Call):
            made = call.func
            settings = {word.arg: ast.unparse(word.value) for word in made.keywords}
            assert ast.literal_eval(call.args[1]) == ast.literal_eval(settings["task_id"])
            found[ast.literal_eval(call.args[1])] = (ast.unparse(made.func), settings)
    return found


def test_the_constants_are_what_was_configured():
    assert constants(dag(PLAIN)) == {
        "NAME": "churn",
        "FOLDER": "/srv/churn",
        "OPTIONS": [],
        "CRONS": ["0 3 * * *", "0 9 * * 1"],
        "ZONE": "UTC",
        "FOR_GOOD": (2, 5, 6, 7, 8, 11),
    }


def test_each_step_is_a_task_with_its_own_retries_and_time():
    found = tasks(dag(PLAIN))
    assert list(found) == [task.name for task in TASKS]
    function, rows = found["rows"]
    assert function == "perform.override"
    assert (rows["retries"], rows["retry_delay"]) == ("7", "seconds(2)")
    assert rows["max_retry_delay"] == "seconds(120)"
    assert "execution_timeout" not in rows
    assert found["train"][1]["execution_timeout"] == "seconds(690.5)"
    function, approve = found["approve"]
    assert function == "wait.override"
    assert approve["poke_interval"] == "5"


def test_no_text_of_a_configuration_becomes_code():
    enemy = dag(ENEMY)
    assert code(enemy) == code(dag(PLAIN))
    found = constants(enemy)
    assert found["OPTIONS"] == list(HOSTILE)
    assert (found["FOLDER"], found["CRONS"]) == (HOSTILE[0], [HOSTILE[0]])
    assert enemy.isascii()


def test_it_is_the_same_each_time():
    assert dag(PLAIN) == dag(PLAIN)


class Skipped(Exception):
    pass


class FailedForGood(Exception):
    pass


@pytest.fixture
def program(monkeypatch):
    """The functions of a DAG, in an Airflow that has nothing but its names."""
    sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
    for name in ("MultipleCronTriggerTimetable", "Param", "chain", "dag", "task"):
        setattr(sdk, name, MagicMock())
    exceptions.AirflowSkipException = Skipped
    exceptions.AirflowFailException = FailedForGood
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    monkeypatch.setitem(sys.modules, "airflow.sdk.exceptions", exceptions)
    names = {}
    exec(dag(PLAIN), names)
    return names


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (Exit.GATE_FAILED, Skipped),
        (Exit.INVALID, FailedForGood),
        (Exit.NOT_FOUND, FailedForGood),
        (Exit.DENIED, FailedForGood),
        (Exit.CONFLICT, FailedForGood),
        (Exit.MISSING_EXTRA, FailedForGood),
        (Exit.USAGE, FailedForGood),
        (Exit.UNEXPECTED, RuntimeError),
        (Exit.LIMIT, RuntimeError),
        (Exit.UNAVAILABLE, RuntimeError),
        (Exit.INTERRUPTED, RuntimeError),
        (-9, RuntimeError),
    ],
)
def test_an_exit_code_means_skip_fail_or_again(program, code, raised):
    with pytest.raises(raised):
        program["check"](code)
    program["check"](Exit.DONE)


def test_a_command_is_a_list_that_no_shell_reads(program, monkeypatch):
    monkeypatch.setenv("SEATRIAL_COMMAND", "'/opt/my env/python' -m seatrial")
    assert program["command"]("begin", "$(rm)") == [
        "/opt/my env/python",
        "-m",
        "seatrial",
        "retrain",
        "begin",
        "$(rm)",
    ]
