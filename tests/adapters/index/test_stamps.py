"""Stamps are kept as long as they can be trusted, and no file that changed is ever missed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.adapters.index.drives_linux import BootClock
from seatrial.adapters.index.file import write_checked
from seatrial.adapters.index.stamps import _TOLERATED_NS, StampFile
from seatrial.rag.loading.stamps import Stamped, Stamps

FILES = {"a": Stamped((1, 2, 3, 4, 5), "r", "d"), "b": Stamped((1, 3, 3, 4, 5), "r", "e")}
CLOCK = BootClock("one", 1_000_000_000, 1_000_000_001)
SECOND = 1_000_000_000


def kept(path: Path, clock: BootClock | None = CLOCK) -> dict[str, Stamped]:
    return dict(StampFile(path, clock).read())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    StampFile(tmp_path / "files.stamps", CLOCK).write(FILES)
    return tmp_path / "files.stamps"


def test_what_was_kept_is_there_in_the_same_boot(path):
    assert kept(path) == FILES
    assert kept(path.with_name("nothing")) == {}


def test_after_the_next_start_nothing_is_known(path):
    assert kept(path, CLOCK._replace(boot="two")) == {}
    assert kept(path, None) == {}


@pytest.mark.parametrize(("by", "known"), [(0, True), (10 * SECOND, True), (-SECOND, False)])
def test_once_the_clock_was_set_back_nothing_is_known(path, by, known):
    clock = BootClock("one", CLOCK.least_ns + by, CLOCK.most_ns + by)
    assert bool(kept(path, clock)) == known


def test_a_clock_set_back_by_little_again_and_again_is_noticed(path):
    for n, known in ((1, True), (2, False)):
        by = n * (_TOLERATED_NS - 2)
        file = StampFile(path, BootClock("one", CLOCK.least_ns - by, CLOCK.most_ns - by))
        assert bool(file.read()) == known
        file.write({"a": FILES["a"]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing of ours",
        b"00000000\nother",
        "other format",
    ],
)
def test_a_file_that_is_not_what_was_written_counts_as_none(path, body):
    if isinstance(body, bytes):
        path.write_bytes(body)
    else:
        write_checked(path, msgspec.msgpack.encode([2, "one", 0, {}]))
    file = StampFile(path, CLOCK)
    assert file.read() == {}
    file.write(FILES)
    assert kept(path) == FILES


def test_every_changed_byte_of_it_is_noticed(path):
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert kept(path) == {}


def test_the_same_stamps_are_not_written_again(path):
    before = path.stat().st_ino
    file = StampFile(path, CLOCK)
    file.write(file.read())
    assert path.stat().st_ino == before
    file.write({})
    assert path.stat().st_ino != before
    assert kept(path) == {}


def test_where_there_is_no_clock_nothing_is_written(tmp_path):
    StampFile(tmp_path / "files.stamps", None).write(FILES)
    assert not (tmp_path / "files.stamps").exists()


@dataclass
class _File:
    inode: int
    content: str
    written_ns: int
    changed_ns: int


@dataclass
class Machine:
    """A drive whose times tick, and a clock that can be set back."""

    tick_ns: int
    lag_ns: int
    files: dict[str, _File] = field(default_factory=dict)
    now_ns: int = 10_000 * SECOND
    since_start_ns: int = SECOND
    boot: int = 1
    on_disk: dict[int, tuple[int, int]] = field(default_factory=dict)
    free: list[int] = field(default_factory=lambda: list(range(20, 0, -1)))

    def stamp_ns(self) -> int:
        return (self.now_ns - self.lag_ns) // self.tick_ns * self.tick_ns

    def wait(self, ns: int) -> None:
        self.now_ns += ns
        self.since_start_ns += ns

    def set_back(self, ns: int) -> None:
        self.now_ns -= ns

    def start_again(self) -> None:
        """After a crash that lost the times of what was written since the last build."""
        for file in self.files.values():
            times = file.written_ns, file.changed_ns
            file.written_ns, file.changed_ns = self.on_disk.get(file.inode, times)
        self.boot, self.since_start_ns = self.boot + 1, SECOND

    def write(self, name: str, content: str) -> None:
        at = self.stamp_ns()
        inode = self.files[name].inode if name in self.files else self.free.pop()
        self.files[name] = _File(inode, content, at, at)

    def write_and_put_time_back(self, name: str, content: str) -> None:
        before = self.files[name].written_ns if name in self.files else 0
        self.write(name, content)
        self.files[name].written_ns = before

    def write_aside_and_rename(self, name: str, content: str) -> None:
        self.write(f".{name}", content)
        self.rename(f".{name}", name)

    def rename(self, name: str, other: str) -> None:
        """Some drives leave the time of change as it is."""
        if name in self.files and name != other:
            self.delete(other)
            self.files[other] = self.files.pop(name)

    def delete(self, name: str) -> None:
        if name in self.files:
            self.free.append(self.files.pop(name).inode)

    def status(self, name: str) -> os.stat_result:
        file = self.files[name]
        return cast(
            "os.stat_result",
            SimpleNamespace(
                st_dev=1,
                st_ino=file.inode,
                st_size=len(file.content),
                st_mtime_ns=file.written_ns,
                st_ctime_ns=file.changed_ns,
            ),
        )

    def clock(self) -> BootClock:
        offset = self.now_ns - self.since_start_ns
        return BootClock(str(self.boot), offset, offset)


def built(machine: Machine, path: Path) -> dict[str, str]:
    """The digests that a build finds, reading only what it must."""
    file = StampFile(path, machine.clock())
    stamps = Stamps(file.read(), devices=frozenset({1}), now=lambda: machine.now_ns)
    found = {}
    for name in sorted(machine.files):
        digest = stamps.digest(name, machine.status(name), "r")
        if digest is None:
            at, status = stamps.now(), machine.status(name)
            digest = digest_of(machine.files[name].content)
            stamps.note(name, status, "r", digest, at=at)
        found[name] = digest
    file.write(stamps.seen)
    machine.on_disk = {
        one.inode: (one.written_ns, one.changed_ns) for one in machine.files.values()
    }
    return found


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


NAMES, CONTENTS = st.sampled_from("ab"), st.sampled_from("xy")
TIMES = st.sampled_from([0, SECOND // 100, SECOND, 2 * SECOND])
STEPS = st.tuples(
    TIMES,
    st.one_of(
        st.tuples(st.just("write"), NAMES, CONTENTS),
        st.tuples(st.just("write_and_put_time_back"), NAMES, CONTENTS),
        st.tuples(st.just("write_aside_and_rename"), NAMES, CONTENTS),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("delete"), NAMES),
        st.tuples(st.just("set_back"), TIMES),
        st.tuples(st.just("start_again")),
    ),
    st.booleans(),
)


def then(
    waits_ns: int, *step: object, builds: bool = False
) -> tuple[int, tuple[object, ...], bool]:
    return waits_ns, step, builds


ONE = then(0, "write", "a", "x")
READ = then(2 * SECOND, "wait", 0, builds=True)


@settings(max_examples=100)
@given(
    steps=st.lists(STEPS, min_size=2, max_size=12),
    tick_ns=st.sampled_from([4_000_000, SECOND]),
    lag_ns=st.sampled_from([0, SECOND // 100]),
)
@example([then(0, "write", "a", "x", builds=True), then(0, "write", "a", "y")], SECOND, 0)
@example(
    [then(0, "write", "a", "x", builds=True), then(0, "write", "a", "y")], SECOND, SECOND // 100
)
@example([ONE, READ, then(0, "set_back", 2 * SECOND), then(0, "write", "a", "y")], SECOND, 0)
@example([ONE, READ, then(0, "write", "a", "y"), then(0, "start_again")], SECOND, 0)
@example([ONE, READ, then(0, "write_and_put_time_back", "a", "y")], SECOND, 0)
@example([ONE, then(0, "write", "b", "y"), READ, then(0, "rename", "b", "a")], SECOND, 0)
def test_whatever_happens_a_build_finds_what_a_full_read_finds(steps, tick_ns, lag_ns):
    machine = Machine(tick_ns, lag_ns)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        for waits_ns, (name, *values), builds in [*steps, then(0, "wait", 0, builds=True)]:
            machine.wait(waits_ns)
            getattr(machine, name)(*values)
            if builds:
                expected = {one: digest_of(file.content) for one, file in machine.files.items()}
                assert built(machine, Path(folder) / "files.stamps") == expected
