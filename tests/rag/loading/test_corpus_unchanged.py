"""What need not be read is not, and what comes is what reading everything would give."""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.rag.loading import source
from seatrial.rag.loading.outcome import Loaded, Reason, Skipped, Unchanged
from seatrial.rag.loading.stamps import Stamps
from seatrial.rag.text.document import Document

from ...conformance.loader_documents import message

LATER_NS = 5_000_000_000
"""By so much the clock of a test is ahead: to it, all files have settled."""

COARSE = 5
"""CLOCK_REALTIME_COARSE of Linux."""


def mail() -> bytes:
    """With an attachment that is read, and one that is not."""
    made = message()
    made.add_attachment("Bring ropes.", filename="notes.txt")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="ship.png")
    return made.as_bytes()


FILES = {
    "a.txt": b"The keel of a ship.",
    "b.md": b"# Heading\nText.",
    "c.jsonl": b'{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}\n',
    "d.eml": mail(),
    "e.txt.gz": gzip.compress(b"Packed."),
    "f/g.csv": b"a,b\n1,2\n",
}
FIRST = ("a.txt", "b.md", "c.jsonl", "e.txt.gz", "f/g.csv")


class Builder:
    """Loads a folder again and again, as builds do."""

    def __init__(self, corpus: Callable[..., Any], folder: Path) -> None:
        self.corpus, self.folder = corpus, folder
        self.known: dict[str, str] = {}
        self.stamps: dict[str, Any] = {}
        self.read: list[str] = []

    def load(self, *, ahead_ns: int = LATER_NS, **values: Any) -> list[Loaded]:
        stamps = Stamps(
            self.stamps,
            devices=frozenset({self.folder.stat().st_dev}),
            now=lambda: time.time_ns() + ahead_ns,
        )
        self.read.clear()
        loaded = list(self.corpus(**values).load(self.known, stamps))
        self.known = digests(loaded)
        self.stamps = stamps.seen
        return loaded


def digests(loaded: list[Loaded]) -> dict[str, str]:
    return {one.id: one.digest for one in loaded if isinstance(one, Document | Unchanged)}


def told(loaded: list[Loaded]) -> Counter[object]:
    """All that came, in whatever order."""
    return Counter(
        (type(one).__name__, one.id, one.digest)
        if isinstance(one, Document | Unchanged)
        else (one.source, one.part, one.reason)
        for one in loaded
    )


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return tmp_path / "docs"


@pytest.fixture
def builder(corpus, docs, monkeypatch) -> Builder:
    made = Builder(corpus, docs)
    for name in ("read_found", "open_found"):
        opens = getattr(source, name)

        def noting(found: Any, *args: Any, opens: Any = opens) -> Any:
            made.read.append(found.source)
            return opens(found, *args)

        monkeypatch.setattr(source, name, noting)
    return made


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def tick() -> None:
    """Until the clock that files are stamped by has gone on."""
    before = time.clock_gettime_ns(COARSE)
    while time.clock_gettime_ns(COARSE) == before:
        pass


def test_a_folder_in_which_nothing_changed_is_not_read(builder, docs):
    write(docs, {name: FILES[name] for name in FIRST})
    first = builder.load()
    assert sorted(builder.read) == sorted(FIRST)
    again = builder.load()
    assert builder.read == []
    assert digests(again) == digests(first)
    assert all(isinstance(one, Unchanged) for one in again)


def test_what_is_skipped_is_read_and_told_each_time(builder, docs):
    write(docs, {"a.txt": b"a\0b", "b.jsonl": b'{"id": "x", "text": "One."}\nno json\n'})
    write(docs, {"c.eml": FILES["d.eml"], "d.png": b"", "e.txt": b""})
    first = builder.load()
    reasons = {one.reason for one in first if isinstance(one, Skipped)}
    assert reasons == {
        Reason.BINARY, Reason.BAD_RECORD, Reason.UNSUPPORTED, Reason.EMPTY,
    }  # fmt: skip
    again = builder.load()
    assert builder.read == ["a.txt", "b.jsonl", "e.txt"]
    builder.stamps = {}
    assert told(builder.load()) == told(again)


def test_a_change_within_a_tick_of_the_clock_is_noticed(builder, docs):
    for number in range(50):
        write(docs, {"a.txt": b"%03d" % number})
        os.utime(docs / "a.txt", ns=(0, 0))
        (found,) = builder.load(ahead_ns=0)
        assert isinstance(found, Document)
        assert found.text == f"{number:03}"


def test_a_file_that_is_written_while_it_is_read_is_read_again(builder, docs, monkeypatch):
    write(docs, {"a.txt": b"first"})
    reads = source.read_found

    def late(found: Any, limit: int) -> Any:
        content, status = reads(found, limit)
        tick()
        write(docs, {"a.txt": b"other"})
        os.utime(docs / "a.txt", ns=(0, found.status.st_mtime_ns))
        return content, status

    monkeypatch.setattr(source, "read_found", late)
    (found,) = builder.load()
    assert isinstance(found, Document)
    assert found.text == "first"
    monkeypatch.setattr(source, "read_found", reads)
    (found,) = builder.load()
    assert isinstance(found, Document)
    assert found.text == "other"


def test_what_was_read_in_place_of_a_file_does_not_count_as_that_file(
    builder, docs, tmp_path, monkeypatch
):
    write(docs, {"x/a.txt": b"first"})
    write(tmp_path, {"other/a.txt": b"other"})
    reads = source.read_found

    def swapped(found: Any, limit: int) -> Any:
        (docs / "x").rename(tmp_path / "x")
        (tmp_path / "other").rename(docs / "x")
        read = reads(found, limit)
        (docs / "x").rename(tmp_path / "other")
        (tmp_path / "x").rename(docs / "x")
        return read

    monkeypatch.setattr(source, "read_found", swapped)
    builder.load()
    monkeypatch.setattr(source, "read_found", reads)
    (found,) = builder.load()
    assert isinstance(found, Document)
    assert found.text == "first"


@pytest.mark.parametrize(
    "changed",
    [
        {"source": {"metadata": {"team": "x"}}},
        {"source": {"readers": ["hr"]}},
        {"source": {"encoding": "gb18030"}},
        {"limits": {"file_bytes": 10}},
        {"limits": {"record_bytes": 20}},
    ],
)
def test_files_that_are_to_be_read_otherwise_are_read(builder, docs, changed):
    write(docs, {name: FILES[name] for name in FIRST})
    builder.load()
    known = dict(builder.known)
    found = builder.load(**changed)
    assert len(builder.read) + sum(isinstance(one, Skipped) for one in found) >= len(FIRST)
    builder.known, builder.stamps = known, {}
    assert told(builder.load(**changed)) == told(found)


def test_a_document_that_the_index_does_not_have_is_read(builder, docs):
    write(docs, {name: FILES[name] for name in FIRST})
    builder.load()
    for lost in ("a.txt", "c.jsonl#x"):
        del builder.known[lost]
        found = builder.load()
        assert builder.read == [lost.partition("#")[0]]
        assert [one.id for one in found if isinstance(one, Document)] == [lost]
    builder.known["c.jsonl#old"] = "gone"
    builder.load()
    assert builder.read == ["c.jsonl"]


def test_a_link_that_leads_out_now_is_told_though_nothing_else_changed(builder, docs, tmp_path):
    write(docs, {"x/a.txt": b"a"})
    write(tmp_path, {"secret.txt": b"secret"})
    (docs / "b.txt").symlink_to("x/a.txt")
    assert set(digests(builder.load())) == {"b.txt", "x/a.txt"}
    assert len(builder.load()) == 2
    assert builder.read == []
    (docs / "x").rename(tmp_path / "x")
    (docs / "x").symlink_to(tmp_path / "x")
    (docs / "b.txt").unlink()
    (docs / "b.txt").symlink_to(tmp_path / "x/a.txt")
    found = builder.load()
    assert builder.read == []
    assert [one.reason for one in found if isinstance(one, Skipped)] == [Reason.OUTSIDE] * 2
    assert digests(found) == {}


NAMES = st.sampled_from(sorted(FILES))
ACTIONS = st.one_of(
    st.tuples(st.just("change"), NAMES, st.integers(0, 40)),
    st.tuples(st.just("change_unseen"), NAMES, st.integers(0, 40)),
    st.tuples(st.just("touch"), NAMES, st.integers(0, 2**31)),
    st.tuples(st.just("replace"), NAMES, NAMES),
    st.tuples(st.just("delete"), NAMES, st.just(0)),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("forbid"), NAMES, st.just(0)),
)


class Hand:
    """What people and programs do to files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def do(self, action: str, name: str, value: Any) -> None:
        if os.path.lexists(self.folder / name):
            getattr(self, action)(self.folder / name, value)
        else:
            write(self.folder, {name: FILES[name]})

    def change(self, path: Path, place: int) -> None:
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= 1
        path.write_bytes(content)

    def change_unseen(self, path: Path, place: int) -> None:
        """As many bytes as before, and the time of writing put back."""
        before = path.stat()
        self.change(path, place)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def touch(self, path: Path, seconds: int) -> None:
        os.utime(path, (seconds, seconds))

    def replace(self, path: Path, other: str) -> None:
        write(self.folder, {"z": FILES[other]})
        (self.folder / "z").rename(path)

    def delete(self, path: Path, _: int) -> None:
        path.unlink()

    def link(self, path: Path, other: str) -> None:
        path.unlink()
        path.symlink_to(self.folder / other)
        if not path.exists():  # it leads nowhere, or to itself
            path.unlink()

    def forbid(self, path: Path, _: int) -> None:
        path.chmod(0)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.lists(ACTIONS, max_size=3), min_size=1, max_size=6))
def test_whatever_is_done_to_files_the_same_comes_as_from_reading_all(builder, docs, actions):
    for path in sorted(docs.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    write(docs, FILES)
    hand = Hand(docs)
    builder.known, builder.stamps = {}, {}
    builder.load()
    for done in actions:
        tick()
        for action in done:
            hand.do(*action)
        known = dict(builder.known)
        found = builder.load()
        every = list(builder.corpus().load(known))
        assert told(found) == told(every)
