"""The root command: verbs, exit codes, what is printed where, and what `--help` loads."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from seatrial.cli.app import root, run
from seatrial.cli.exits import Exit

LOADED = "import sys, seatrial.cli.app as a; a.run(['--help']); print(sorted(sys.modules))"
HEAVY = {
    "numpy",
    "pydantic",
    "orjson",
    "msgspec",
    "fastapi",
    "uvicorn",
    "yaml",
    "psutil",
    "asyncio",
}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_loads_click_and_nothing_heavy() -> None:
    done = python(LOADED)
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
    third_party = {m.partition(".")[0] for m in modules} & HEAVY
    assert third_party == set()
    assert "click" in modules
    assert not any(m.startswith(("seatrial.wiring", "seatrial.release")) for m in modules)


def test_help_lists_every_verb(seatrial) -> None:
    code, out, _ = seatrial("--help")
    assert code == Exit.DONE
    with click.Context(root) as context:
        for verb in root.list_commands(context):
            assert f"  {verb} " in out


@pytest.mark.parametrize("verb", root.list_commands(click.Context(root)))
def test_every_verb_explains_itself(verb: str, seatrial) -> None:
    code, out, _ = seatrial(verb, "--help")
    assert code == Exit.DONE
    assert out.startswith(f"Usage: seatrial {verb}")


def test_an_unknown_verb_names_the_nearest_one(seatrial) -> None:
    code, out, err = seatrial("deply")
    assert code == Exit.USAGE
    assert out == ""
    assert "There is no command 'deply'. Did you mean 'deploy'?" in err


def test_a_verb_unlike_any_other_gets_no_guess(seatrial) -> None:
    code, _, err = seatrial("zzzzz")
    assert code == Exit.USAGE
    assert "Did you mean" not in err
    assert "seatrial --help" in err


def test_a_typed_error_is_said_with_its_remedy_code_and_exit_code(home, seatrial) -> None:
    code, out, err = seatrial("status", "nope")
    assert code == Exit.NOT_FOUND == 6
    assert out == ""
    assert err.splitlines() == [
        "Error: There is no endpoint 'nope'.",
        "  → Choose one of: none yet; or make it with `seatrial deploy`.",
        "  (release.unknown_endpoint, exit code 6)",
    ]


def test_an_error_is_one_json_document_on_stdout(home, seatrial) -> None:
    code, out, err = seatrial("status", "nope", "--json")
    assert code == Exit.NOT_FOUND
    assert json.loads(out)["error"]["code"] == "release.unknown_endpoint"
    assert "Error: There is no endpoint 'nope'." in err


def test_wrong_usage_is_one_json_document_on_stdout_too(home, seatrial) -> None:
    code, out, err = seatrial("rollback", "churn", "--to", "x", "--json")
    assert code == Exit.USAGE
    assert json.loads(out)["error"]["code"] == "cli.usage"
    assert "Usage: seatrial rollback" in err


def test_an_interruption_is_said_and_has_its_exit_code(home, seatrial, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seatrial.cli.release._desk", interrupted)
    code, out, err = seatrial("status")
    assert code == Exit.INTERRUPTED == 130
    assert out == ""
    assert "Interrupted. What was recorded stays" in err


def test_a_terminal_without_unicode_gets_ascii(home) -> None:
    done = python(
        "import sys; from seatrial.cli.app import run; sys.exit(run(['status', 'x', '--json']))",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    assert done.returncode == Exit.NOT_FOUND
    assert "  -> Choose one of" in done.stderr
    assert "\\u" not in done.stderr
    json.loads(done.stdout)


def test_a_name_outside_ascii_survives_a_terminal_without_unicode(home) -> None:
    done = python(
        "import sys; from seatrial.cli.app import run; sys.exit(run(['status', '模型', '--json']))",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    assert done.returncode == Exit.NOT_FOUND
    assert "模型" in json.loads(done.stdout)["error"]["problem"]


def test_what_is_no_terminal_gets_no_escape_codes(filled) -> None:
    done = python("import sys; from seatrial.cli.app import run; sys.exit(run(['status']))")
    assert done.returncode == Exit.DONE
    assert "churn" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_version(capsys) -> None:
    from seatrial import __version__

    assert run(["--version"]) == Exit.DONE
    assert __version__ in capsys.readouterr().out
