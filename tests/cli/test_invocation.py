"""The command a user can type to start this program again."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.cli.invocation import command_for, home_option, through_make


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a virtual environment that no search path knows."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    made = tmp_path / "checkout" / ".venv" / "bin" / "seatrial"
    made.parent.mkdir(parents=True)
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def test_below_the_folder_it_is_typed_from_there(program: Path) -> None:
    folder = program.parents[2]
    for given in (".venv/bin/seatrial", str(program)):
        assert command_for(given, python="", folder=folder) == ".venv/bin/seatrial"


def test_elsewhere_it_is_typed_whole(program: Path, tmp_path: Path) -> None:
    assert command_for(str(program), python="", folder=tmp_path / "other") == str(program)


def test_a_name_that_the_shell_finds_is_enough(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_for(str(program), python="", folder=program.parents[2]) == "seatrial"


def test_another_program_of_that_name_is_not_taken_for_it(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "seatrial"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    typed = command_for(str(program), python="", folder=program.parents[2])
    assert typed == ".venv/bin/seatrial"


def test_a_module_is_started_with_its_interpreter(program: Path) -> None:
    python = program.with_name("python")
    python.write_text("")
    typed = command_for("src/seatrial/__main__.py", python=str(python), folder=program.parents[2])
    assert typed == ".venv/bin/python -m seatrial"


def test_spaces_are_quoted(program: Path, tmp_path: Path) -> None:
    spaced = tmp_path / "my models"
    program.parents[2].rename(spaced)
    typed = command_for(str(spaced / ".venv/bin/seatrial"), python="", folder=tmp_path)
    assert typed == "'my models/.venv/bin/seatrial'"


def test_make_is_known_by_its_variable() -> None:
    assert through_make({"MAKELEVEL": "1"})
    assert not through_make({})


def test_a_home_is_named_unless_a_command_finds_it_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_option(tmp_path / ".seatrial", environment={}) == ""
    other = tmp_path / "my state"
    assert home_option(other, environment={}) == f" --home '{other}'"
    assert home_option(other, environment={"SEATRIAL_HOME": str(other)}) == ""
