"""What a command prints: how it goes on stderr; on stdout what was asked for, in one JSON document
or, of questions to an index, in lines for a person."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

import click

from seatrial.kernel.errors import LimitExceeded

_MARKS = {"ok": ("✓", "green"), "bad": ("✗", "red"), "wait": ("●", "yellow"), "note": ("·", None)}
_PLAIN = {"ok": "ok", "bad": "FAILED", "wait": "...", "note": "-"}
_ASCII = {ord("→"): "->", ord("…"): "...", ord("×"): "x", ord("·"): "-"}
_CONTROL = re.compile(r"(?!\x1b\[[0-9;]*m)[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, turns a line round or does worse, if a text of others holds it; colours
are let through."""
_REFRESH_S = 0.1
_LOG_EVERY_S = 10.0


class StdoutNotWritten(LimitExceeded):
    """What was asked for cannot be written where stdout leads: a full disk, mostly."""

    code = "cli.stdout_not_written"


@dataclass(slots=True)
class Console:
    """Prints the steps of a journey; a step that is under way is one line that changes.

    Args:
        quiet: print nothing but what `result` is given.
        as_json: `result` prints JSON on stdout.
    """

    quiet: bool = False
    as_json: bool = False
    _open: str = field(init=False, default="")
    _shown_at: float = field(init=False, default=0.0)

    def head(self, text: str) -> None:
        """A headline."""
        self._line(click.style(text, bold=True))
        self._line("")

    def step(self, mark: str, name: str, text: str) -> None:
        """A step that has ended: mark ``ok``, ``bad`` or ``note``."""
        self._close()
        self._line(self._format(mark, name, text))

    def progress(self, name: str, text: str) -> None:
        """A step under way.

        Where stderr is a terminal the line is rewritten in place, elsewhere it is told again now
        and then.
        """
        now = time.monotonic()
        in_place = sys.stderr.isatty()
        every_s = _REFRESH_S if in_place else _LOG_EVERY_S
        if self._open == name and now - self._shown_at < every_s:
            return
        self._open, self._shown_at = name, now
        line = self._format("wait", name, text)
        if in_place and not self.quiet:
            click.echo("\r\x1b[2K" + _shown(_cut(line), sys.stderr), nl=False, err=True)
        else:
            self._line(line)

    def say(self, text: str = "") -> None:
        """A line of its own."""
        self._close()
        self._line(text)

    def answer(self, text: str = "") -> None:
        """A line of what was asked for: on stdout, unless that is kept for JSON."""
        self._close()
        if self.as_json:
            self._line(text)
        else:
            _write(_shown(text, sys.stdout))

    def result(self, record: object) -> None:
        """The outcome for a machine; only printed with ``--json``."""
        self._close()
        if self.as_json:
            print_json(record)

    def _close(self) -> None:
        if self._open and sys.stderr.isatty():
            click.echo("\r\x1b[2K", nl=False, err=True)
        self._open = ""

    def _line(self, text: str) -> None:
        if not self.quiet:
            print_line(text)

    def _format(self, mark: str, name: str, text: str) -> str:
        symbol, colour = _MARKS[mark]
        if not _can_print(symbol, sys.stderr):
            symbol = _PLAIN[mark]
        return f"  {click.style(symbol, fg=colour)} {name:<10} {text}"


def print_line(text: str) -> None:
    """A line on stderr, in characters that it can show."""
    click.echo(_shown(text, sys.stderr), err=True)


def print_json(record: object) -> None:
    """A JSON document on stdout; in ASCII where stdout takes nothing else."""
    text = json.dumps(record, ensure_ascii=False, indent=2, default=str)
    if not _can_print(text, sys.stdout):
        text = json.dumps(record, indent=2, default=str)
    _write(text)


def _write(text: str) -> None:
    """A line on stdout.   Raises: StdoutNotWritten; BrokenPipeError, which click ends quietly."""
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutNotWritten(
            f"What was asked for cannot be written: {error.strerror}.",
            remedy="Make room where the output goes, or send it elsewhere.",
        ) from error


def _shown(text: str, stream: TextIO) -> str:
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    if _can_print(text, stream):
        return text
    encoding = stream.encoding or "ascii"
    return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)


def _can_print(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _cut(line: str) -> str:
    """The line, cut to the width of the terminal so that it can be rewritten in place."""
    import shutil

    width = shutil.get_terminal_size().columns - 1
    plain = click.unstyle(line)
    return line if len(plain) <= width else plain[: max(0, width - 1)] + "…"
