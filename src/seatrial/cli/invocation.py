"""How this program was started, so that the commands it prints work where the user stands."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path


def invocation() -> str:
    """What to type to start this program again: ``seatrial`` where that is enough."""
    return command_for(sys.argv[0], python=sys.executable, folder=Path.cwd())


def command_for(program: str, *, python: str, folder: Path) -> str:
    """The command of a program.

    Args:
        program: what was started, as in ``sys.argv[0]``.
        python: the interpreter that runs it.
        folder: where the user stands.
    """
    path = Path(program)
    if path.name == "__main__.py":
        return f"{_typed(Path(python), folder)} -m seatrial"
    return _typed(path, folder)


def _typed(path: Path, folder: Path) -> str:
    """A path as a person would type it: its name when the shell finds it, else from here."""
    found = shutil.which(path.name)
    whole = folder / path
    if not whole.is_file() or (found and whole.samefile(found)):
        return shlex.quote(path.name)
    near = whole.relative_to(folder) if whole.is_relative_to(folder) else whole
    return shlex.quote(str(near))


def through_make(environment: Mapping[str, str]) -> bool:
    """Whether make started this program."""
    return "MAKELEVEL" in environment


def home_option(home: Path, *, environment: Mapping[str, str]) -> str:
    """What a command must say to find a home folder; nothing where it is the one found anyway."""
    from seatrial.wiring.workspace import DEFAULT_HOME, HOME

    usual = Path(environment.get(HOME) or DEFAULT_HOME).resolve()
    return "" if home == usual else f" --home {shlex.quote(str(home))}"
