"""The folder of a watch: one process, files that are whole, and a place that fits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.wiring.watching.folder import (
    OutNotWritable,
    PlaceFile,
    WatchChanged,
    WatchFolder,
    WatchRunning,
)

_HOLD = """
import sys, pathlib
from seatrial.wiring.watching.folder import WatchFolder
with WatchFolder(pathlib.Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_watches_and_a_kill_makes_room_at_once(tmp_path: Path) -> None:
    out = WatchFolder(tmp_path / "out")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(out.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WatchRunning, match=f"process {other.pid}"), out.held():
            pass
        other.kill()
        other.wait()
    with out.held():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutNotWritable, match="file/out"):
        WatchFolder(tmp_path / "file" / "out").make()


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = WatchFolder(tmp_path)
    out.write("seatrial.prom", "a 1\n")
    out.write("seatrial.prom", "a 2\n")
    assert [path.name for path in tmp_path.iterdir()] == ["seatrial.prom"]
    assert out.metrics.read_text() == "a 2\n"


def test_a_place_is_read_back_where_it_began_the_same_way(tmp_path: Path) -> None:
    place = PlaceFile(tmp_path / "place", b"reference 1")
    assert place.read() is None
    place.write(b"here")
    place.write(b"there")
    assert PlaceFile(tmp_path / "place", b"reference 1").read() == b"there"


def test_a_place_of_another_reference_is_refused(tmp_path: Path) -> None:
    PlaceFile(tmp_path / "place", b"reference 1").write(b"here")
    with pytest.raises(WatchChanged, match="another reference"):
        PlaceFile(tmp_path / "place", b"reference 2").read()
