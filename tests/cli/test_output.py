"""Lines for people on stderr, one document on stdout."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys

import pytest

from seatrial.cli.output import Console, StdoutNotWritten, print_json


def test_steps_are_marked_and_a_step_under_way_is_said_once(capsys) -> None:
    console = Console()
    console.progress("staging", "tests")
    console.progress("staging", "tests")
    console.step("ok", "staging", "8 tests passed")
    console.step("bad", "canary", "aborted")
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.split(maxsplit=2) for line in err.splitlines()]
    assert [line[1] for line in lines] == ["staging", "staging", "canary"]


def test_a_long_step_is_told_again_now_and_then_where_there_is_no_terminal(
    capsys, monkeypatch
) -> None:
    times = iter([0.0, 3.0, 9.9, 10.1, 10.2])
    monkeypatch.setattr("seatrial.cli.output.time.monotonic", lambda: next(times))
    console = Console()
    for n in (1, 2, 3, 4):
        console.progress("canary", f"{n} requests")
    console.progress("staging", "another step is told at once")
    told = [line.split(maxsplit=2)[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["1 requests", "4 requests", "another step is told at once"]


def test_quiet_prints_the_result_only(capsys) -> None:
    console = Console(quiet=True, as_json=True)
    console.say("nothing")
    console.head("nothing")
    console.step("ok", "nothing", "")
    console.result({"name": "模型"})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"name": "模型"}
    assert err == ""


def test_without_json_there_is_no_result_on_stdout(capsys) -> None:
    Console().result({"a": 1})
    assert capsys.readouterr().out == ""


def test_an_answer_is_on_stdout_unless_json_is_there(capsys) -> None:
    Console().answer("The mast\x1b[2J is tall.")
    assert capsys.readouterr() == ("The mast\N{REPLACEMENT CHARACTER}[2J is tall.\n", "")
    Console(as_json=True).answer("The mast is tall.")
    assert capsys.readouterr() == ("", "The mast is tall.\n")


def test_an_answer_that_the_terminal_cannot_show_is_escaped(monkeypatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    Console().answer("十二米 · long \udcff")
    assert raw.getvalue() == b"\\u5341\\u4e8c\\u7c73 - long \\udcff\n"


class FullDisk(io.StringIO):
    """A stdout that leads to a disk without room."""

    encoding = "utf-8"

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "tell", [lambda: Console().answer("x"), lambda: print_json({})], ids=["plain", "json"]
)
def test_a_full_disk_behind_stdout_is_told(monkeypatch, tell) -> None:
    monkeypatch.setattr("sys.stdout", FullDisk())
    with pytest.raises(StdoutNotWritten, match="No space left"):
        tell()


def test_who_stops_reading_is_shown_no_traceback() -> None:
    """`seatrial rag search ... | head` is what people type."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""


def test_a_terminal_sees_one_line_that_changes_and_is_never_too_long(capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    console = Console()
    console.progress("canary", "x" * 100)
    console.step("ok", "canary", "promoted")
    err = capsys.readouterr().err
    first, _, rest = err.partition("\r\x1b[2K")[2].partition("\r\x1b[2K")
    assert len(first) <= 29
    assert "\n" not in first
    assert "promoted" in rest


def test_texts_of_others_do_not_drive_the_terminal(capsys) -> None:
    console = Console()
    console.say("a\x1b]0;title\x07 \x1b[2J\x9b2J \u202eevil \x1b[31mred\x1b[0m\ttab")
    console.step("ok", "x", "\x1b[1A\r overwritten")
    err = capsys.readouterr().err
    for wrong in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x07", "\x1b[1A", "\r"):
        assert wrong not in err
    assert "\ttab" in err
    assert "evil" in err
