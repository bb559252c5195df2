import importlib.util
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seatrial.cli.deploy import deploy

_PATH = Path(__file__).parents[2] / "scripts" / "model_deployment_pipeline.py"
_spec = importlib.util.spec_from_file_location("model_deployment_pipeline", _PATH)
subject = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(subject)


def parsed(given: list[str]) -> dict[str, object]:
    """What `seatrial deploy` makes of the script's command line."""
    verb, *rest = subject.arguments(given)
    assert verb == "deploy"
    with deploy.make_context("deploy", rest) as context:
        return context.params


@pytest.mark.parametrize(
    "given",
    [
        ["--model", "model.pkl", "--target", "staging"],
        ["--model=model.pkl", "--target", "staging"],
        ["--target", "staging", "--model", "model.pkl"],
    ],
)
def test_the_model_option_is_the_argument_of_deploy(given):
    found = parsed(given)
    assert (found["model"], found["target"]) == (Path("model.pkl"), "staging")


def test_other_options_are_those_of_deploy():
    found = parsed(["--model", "m.pkl", "--name", "churn", "--watch", "1h30m", "--json"])
    assert (found["name"], found["watch"], found["as_json"]) == ("churn", 5400.0, True)


def test_a_file_named_like_an_option_is_still_a_file():
    assert parsed(["--model", "--trust"])["model"] == Path("--trust")
    assert parsed(["--model", "--trust"])["trust"] is False


@pytest.mark.parametrize("given", [["--target", "staging"], ["--model"]])
def test_without_a_model_the_command_line_is_refused(given):
    with pytest.raises(click.UsageError):
        parsed(given)


def test_the_script_runs_and_ends_with_the_exit_code_of_deploy(tmp_path):
    done = subprocess.run(
        [sys.executable, str(_PATH), "--model", "missing.pkl", "--target", "staging"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(_PATH.parents[1] / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "missing.pkl" in done.stderr
    assert "Traceback" not in done.stderr
