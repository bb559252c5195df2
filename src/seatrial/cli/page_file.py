"""Files that a command writes where it was told to."""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.kernel.errors import Invalid


class OutputNotWritten(Invalid):
    """The file that a command was to write cannot be written: its place, or a full disk."""

    code = "cli.output_not_written"


def check_output(path: Path | None, *, option: str) -> None:
    """See that a file can be written, before the work whose outcome it is to hold.

    Raises: OutputNotWritten.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise _not_written(path, option, f"there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise _not_written(path, option, "it is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _not_written(path, option, "you may not write there")


def write_output(path: Path, text: str, *, option: str) -> None:
    """Write a text, as UTF-8.

    Args: option: what named the place, such as ``--html``.
    Raises: OutputNotWritten.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise _not_written(path, option, why) from problem


def _not_written(path: Path, option: str, why: object) -> OutputNotWritten:
    return OutputNotWritten(
        f"The file {str(path)!r} cannot be written: {why}.",
        remedy=f"Give another place with {option}, or make room there.",
        path=str(path),
    )
