"""The supervisor is tested from outside: in a process of its own, with real signals."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from seatrial.kernel.supervise import Child, Supervisor

folder = Path(sys.argv[1])

def steady(stop):
    (folder / f"steady-{os.getpid()}").touch()
    os.read(stop, 1)  # returns at end of file: the supervisor is gone
    (folder / f"orphan-{os.getpid()}").touch()

def dies_at_once(stop):
    (folder / f"short-{os.getpid()}-{time.monotonic()}").touch()
    raise SystemExit(3)

def raises(stop):
    raise ValueError("a bug in a child")

mains = {"steady": steady, "dies": dies_at_once, "raises": raises}
Supervisor([Child(name=n, main=mains[n]) for n in sys.argv[2:]], grace_s=2).run()
"""


@contextmanager
def _supervisor(folder: Path, *names: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), *names], stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=10)
        assert process.stderr is not None
        process.stderr.close()


def _wait_for(folder: Path, pattern: str, *, count: int = 1) -> list[Path]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if len(found := sorted(folder.glob(pattern))) >= count:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{count} of {pattern} did not appear")


def _pid(path: Path) -> int:
    return int(path.name.split("-")[1])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    with _supervisor(tmp_path, "steady"):
        first = _pid(_wait_for(tmp_path, "steady-*")[0])
        os.kill(first, signal.SIGKILL)
        _wait_for(tmp_path, "steady-*", count=2)


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    with _supervisor(tmp_path, "dies"):
        files = _wait_for(tmp_path, "short-*", count=5)
    starts = sorted(float(f.name.split("-")[2]) for f in files)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps[3] > gaps[0]


def test_terminating_the_supervisor_ends_its_children_and_exits_cleanly(tmp_path: Path) -> None:
    with _supervisor(tmp_path, "steady") as process:
        child = _pid(_wait_for(tmp_path, "steady-*")[0])
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert not _alive(child)


def test_children_learn_that_their_supervisor_was_killed(tmp_path: Path) -> None:
    with _supervisor(tmp_path, "steady") as process:
        _wait_for(tmp_path, "steady-*")
        process.kill()
        process.wait(timeout=10)
        _wait_for(tmp_path, "orphan-*")


def test_a_child_that_raises_says_so_and_takes_nobody_with_it(tmp_path: Path) -> None:
    with _supervisor(tmp_path, "raises", "steady") as process:
        _wait_for(tmp_path, "steady-*")
        time.sleep(0.2)
        process.terminate()
        assert process.stderr is not None
        assert "a bug in a child" in process.stderr.read()
        assert process.wait(timeout=10) == 0
