"""Entries of a journal are whole or not there."""

import errno
import os
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from seatrial.adapters.index.journal import Entry, Journal
from seatrial.rag.index.failures import IndexDamaged, IndexUnavailable
from seatrial.testing import index_corpus as corpus

FIRST = corpus.documents(Random(1), 3)
SECOND = ["doc-1", "海"]
THIRD = corpus.documents(Random(2), 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "1.journal")
    assert list(journal.entries()) == []
    journal.append(Entry.of(FIRST))
    journal.append(Entry(removed=SECOND))
    journal.append(Entry.of(THIRD))
    journal.close()
    return tmp_path / "1.journal"


def read(path: Path) -> list[Entry]:
    journal = Journal(path)
    try:
        return list(journal.entries())
    finally:
        journal.close()


def test_entries_are_read_as_they_were_written(path: Path) -> None:
    first, second, _ = read(path)
    assert second.removed == SECOND
    for one, written in zip(first.documents(corpus.DIMENSIONS), FIRST, strict=True):
        assert one.document == written.document
        assert {type(v) for v in one.document.metadata.values()} == {
            type(v) for v in written.document.metadata.values()
        }
        assert list(one.chunks) == list(written.chunks)
        assert one.vectors is not None
        assert written.vectors is not None
        assert np.array_equal(one.vectors, written.vectors)


def test_of_a_journal_that_was_cut_all_whole_entries_are_there(path: Path) -> None:
    whole = path.read_bytes()
    entries = read(path)
    seen = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        left = read(path)
        assert left == entries[: len(left)]
        seen.add(len(left))
        journal = Journal(path)
        assert list(journal.entries()) == left
        journal.append(Entry(removed=["more"]))
        journal.close()
        assert read(path) == [*left, Entry(removed=["more"])]
    assert seen == {0, 1, 2}


def test_a_write_that_the_drive_lost_leaves_zeros_and_is_cut(path: Path) -> None:
    entries = read(path)
    path.write_bytes(path.read_bytes() + bytes(500))
    assert read(path) == entries


def test_a_changed_byte_before_the_last_entry_is_told(path: Path) -> None:
    whole = path.read_bytes()
    last = 16 + len(msgspec.msgpack.encode(Entry.of(THIRD)))
    for place in range(0, len(whole) - last, 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IndexDamaged):
            read(path)


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_full_drive_adds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    entries = read(path)
    journal = Journal(path)
    list(journal.entries())
    real, room = os.pwrite, journal.n_bytes + 40

    def half(file: int, data: memoryview, at: int) -> int:
        return real(file, data[: room - at], at) if at < room else refuse()

    def refuse(*_: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, half if call == "pwrite" else refuse)
        with pytest.raises(IndexUnavailable, match="no room"):
            journal.append(Entry.of(FIRST))
    assert journal.n_bytes == path.stat().st_size
    journal.append(Entry(removed=["more"]))
    journal.close()
    assert read(path) == [*entries, Entry(removed=["more"])]
