"""Files that a command writes where it was told to."""

from __future__ import annotations

from pathlib import Path

from seatrial.kernel.errors import Invalid


class OutputNotWritten(Invalid):
    """The file that a command was to write cannot be written: its place, or a full disk."""

    code = "cli.output_not_written"


def write_output(path: Path, text: str, *, option: str) -> None:
    """Write a text, as UTF-8.

    Args: option: what named the place, such as ``--html``.
    Raises: OutputNotWritten.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise OutputNotWritten(
            f"The file {str(path)!r} cannot be written: {why}.",
            remedy=f"Give another place with {option}, or make room there.",
            path=str(path),
        ) from problem
