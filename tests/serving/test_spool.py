from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.spool import Spool, claimed, frames, segments
from seatrial.testing.clock import FakeClock


def spool_of(folder: Path, clock: FakeClock, **bounds: float) -> Spool:
    return Spool(folder, name="w0", clock=clock, **bounds)  # type: ignore[arg-type]


def held(folder: Path) -> list[bytes]:
    return [payload for path in segments(folder) for payload in frames(path)]


def test_records_come_back_in_order_over_segments(tmp_path: Path, clock: FakeClock) -> None:
    spool = spool_of(tmp_path, clock, max_segment_bytes=100)
    records = [bytes([i]) * 40 for i in range(20)]
    for record in records:
        spool.append([record])
        clock.advance(0.001)
    spool.close()
    assert held(tmp_path) == records
    assert len(segments(tmp_path)) == 7  # frames of 48 bytes: the third one is over the bound


def test_an_old_segment_is_finished_even_when_nothing_comes(
    tmp_path: Path, clock: FakeClock
) -> None:
    spool = spool_of(tmp_path, clock, max_segment_s=60.0)
    spool.append([b"a"])
    (path,) = segments(tmp_path)
    with claimed(path) as mine:
        assert not mine
    clock.advance(61.0)
    spool.append([])
    with claimed(path) as mine:
        assert mine


def test_only_one_reader_holds_a_segment(tmp_path: Path, clock: FakeClock) -> None:
    spool = spool_of(tmp_path, clock)
    spool.append([b"a"])
    spool.close()
    (path,) = segments(tmp_path)
    with claimed(path) as first, claimed(path) as second:
        assert (first, second) == (True, False)
    path.unlink()
    with claimed(path) as gone:
        assert not gone


@given(cut=st.integers(0, 60), flip=st.integers(0, 59))
def test_a_torn_or_damaged_tail_is_left_out_and_nothing_before_it(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = spool_of(folder, FakeClock())
    records = [b"a" * 12, b"b" * 12, b"c" * 12]
    spool.append(records)
    spool.close()
    (path,) = segments(folder)
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    assert list(frames(path)) == records[: cut // 20]
    path.write_bytes(data[:flip] + bytes([data[flip] ^ 0xFF]) + data[flip + 1 :])
    assert list(frames(path)) == records[: flip // 20]


def test_the_disk_is_bounded_and_what_gave_way_is_counted(tmp_path: Path, clock: FakeClock) -> None:
    spool = spool_of(tmp_path, clock, max_segment_bytes=100, max_total_bytes=1_000)
    records = [i.to_bytes(2) * 50 for i in range(100)]
    for record in records:
        spool.append([record])
        clock.advance(0.001)
    kept = held(tmp_path)
    assert sum(path.stat().st_size for path in segments(tmp_path)) <= 1_000
    assert kept == records[-len(kept) :]
    assert spool.n_dropped + len(kept) == 100


def test_a_full_disk_drops_and_counts_and_keeps_what_is_whole(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spool_of(tmp_path, clock)
    spool.append([b"first"])
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    spool.append([b"torn"])

    def no_space(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    spool.append([b"none", b"none"])
    monkeypatch.setattr(os, "write", real)
    spool.append([b"last"])
    assert held(tmp_path) == [b"first", b"last"]
    assert spool.n_dropped == 3


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("in the way")
    spool = spool_of(tmp_path / "file" / "spool", clock)
    spool.append([b"a"])
    assert spool.n_dropped == 1


_WRITER = """
import sys
from pathlib import Path
from seatrial.kernel.clock import SystemClock
from seatrial.serving.spool import Spool

spool = Spool(Path(sys.argv[1]), name="w0", clock=SystemClock())
n = 0
while True:
    spool.append([n.to_bytes(8, "big") * 100])
    n += 1
    if n == 200:
        print("going", flush=True)
"""


def test_kill_9_midway_keeps_every_whole_record_and_frees_the_segment(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"going\n"
    (path,) = segments(tmp_path)
    with claimed(path) as mine:
        assert not mine
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    with claimed(path) as mine:
        assert mine
        numbers = [int.from_bytes(payload[:8], "big") for payload in frames(path)]
    assert len(numbers) >= 200
    assert numbers == list(range(len(numbers)))
