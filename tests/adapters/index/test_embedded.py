"""An index in a folder: damage, full drives, shared segments, and what is left behind."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from seatrial.adapters.index import draft as index_draft
from seatrial.adapters.index import file as index_file
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.rag.index.failures import IndexDamaged, IndexDenied, IndexUnavailable
from seatrial.rag.index.postings import Analysis
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL, build, read, written
from seatrial.testing.index_corpus import PLAIN_WORDS, RECIPE

Store = EmbeddedIndexStore


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, PLAIN_WORDS)


def files(tmp_path: Path, kind: str = "segments") -> dict[str, int]:
    return {one.name: one.stat().st_ino for one in (tmp_path / "ship" / kind).iterdir()}


def test_versions_share_the_segments_that_did_not_change(store: Store, tmp_path: Path) -> None:
    made = corpus.documents(Random(1), 40)
    build(store, made)
    before = files(tmp_path)
    build(store, [corpus.document(Random(2), "new")])
    assert len(files(tmp_path)) == 2
    assert before.items() <= files(tmp_path).items()


def test_many_small_versions_are_joined_and_what_no_version_needs_goes(
    store: Store, tmp_path: Path
) -> None:
    made = corpus.documents(Random(3), 30)
    for one in made:
        build(store, [one])
    assert sorted(read(store.open("ship"))) == sorted(written(made))
    assert len(store.forget("ship", keep=1)) == 29
    assert len(files(tmp_path)) < 10
    assert len(files(tmp_path, "versions")) == 1
    assert list(store.audit("ship")) == []


def test_what_was_indexed_with_other_words_is_indexed_anew(store: Store, tmp_path: Path) -> None:
    made = corpus.documents(Random(4), 20)
    build(store, made)
    keys = store.open("ship").lexical("SHIP", 100, ALL).keys
    assert len(keys) > 0
    exact = Analysis("exact", str.split)
    other = Store(tmp_path, exact)
    draft = other.draft("ship", RECIPE)
    assert len(draft.digests()) == 20
    assert draft.publish() == 2
    assert len(other.open("ship").lexical("SHIP", 100, ALL)) == 0
    assert len(other.open("ship").lexical("ship", 100, ALL)) == len(keys)
    assert sorted(read(other.open("ship"))) == sorted(written(made))
    assert other.draft("ship", RECIPE).publish() == 2


def test_what_a_killed_builder_left_is_taken_away(store: Store, tmp_path: Path) -> None:
    build(store, corpus.documents(Random(5), 5))
    for name in ("segments/000000009999.seg", "segments/.000000000001.seg.part"):
        (tmp_path / "ship" / name).write_bytes(b"left")
    (tmp_path / "ship/versions/000007.json").write_bytes(b"left")
    kept = files(tmp_path)
    store.draft("ship", RECIPE).close()
    assert set(files(tmp_path)) == {name for name in kept if name == "000000000000.seg"}
    assert set(files(tmp_path, "versions")) == {"000001.json"}


def test_a_publication_that_was_cut_off_behind_its_commit_is_not_made_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = store.draft("ship", RECIPE)
    draft.put(corpus.documents(Random(6), 5))

    def die(folder: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(index_draft.IndexFolder, "drop_draft", die)
        with pytest.raises(KeyboardInterrupt):
            draft.publish()
    draft.close()
    assert store.live("ship") == 1
    assert store.draft("ship", RECIPE).publish() == 1
    assert len(store.versions("ship")) == 1


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("n_calls", range(12))
def test_a_full_drive_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_calls: int
) -> None:
    """Whichever write it is that finds no room; and the draft goes on when there is some."""
    store = Store(tmp_path, PLAIN_WORDS, full_bytes=2000)
    made = corpus.documents(Random(7), 30)
    build(store, made[:10])
    seen = read(store.open("ship"))
    left = iter(range(n_calls))
    real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

    def count(name: str) -> Callable[[int], None]:
        def call(file: int) -> None:
            if next(left, None) is None:
                no_room()
            real[name](file)

        return call

    draft = store.draft("ship", RECIPE)
    acknowledged = dict(draft.digests())
    with monkeypatch.context() as patched:
        for name in real:
            patched.setattr(os, name, count(name))

        def go_on() -> None:
            for one in made[10:]:
                draft.put([one])
                acknowledged[one.document.id] = one.document.digest
            draft.publish()

        with pytest.raises(IndexUnavailable):
            go_on()
    draft.close()
    assert read(store.open("ship")) == seen
    draft = store.draft("ship", RECIPE)
    assert dict(draft.digests()) == acknowledged
    draft.put(made[10:])
    draft.publish()
    assert sorted(read(store.open("ship"))) == sorted(written(made))
    assert list(store.audit("ship")) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_only_be_read_is_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    build(store, corpus.documents(Random(8), 5))
    real = os.open

    def read_only(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", read_only)
    assert len(store.open("ship").lexical("title", 3, ALL)) > 0
    assert list(store.audit("ship")) == []
    with pytest.raises(IndexDenied, match="ship"):
        store.draft("ship", RECIPE)
    with pytest.raises(IndexDenied):
        store.activate("ship", 1)


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    match how:
        case "cut":
            path.write_bytes(whole[:middle])
        case "emptied":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 8]) + whole[middle + 1 :])
        case "gone":
            path.unlink()


def damaged_files(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "ship" / "versions" / "000001.json"
    yield tmp_path / "ship" / "segments" / "000000000000.seg"


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", ["cut", "emptied", "gone"])
def test_a_damaged_file_is_told_by_name(store: Store, tmp_path: Path, which: int, how: str) -> None:
    build(store, corpus.documents(Random(9), 50))
    build(store, [corpus.document(Random(10), "new")])
    path = list(damaged_files(tmp_path))[which]
    damage(path, how)
    with pytest.raises(IndexDamaged, match=path.name) as told:
        store.open("ship", 1)
    assert "Activate another version" in told.value.remedy
    (found,) = store.audit("ship", 1)
    assert found.part == "file"
    assert found.place in {path.name, "version 1"}
    store.activate("ship", 1)
    for _ in range(2):  # the second finds the lock given back
        with pytest.raises(IndexDamaged, match=path.name):
            store.draft("ship", RECIPE)


def test_a_damaged_catalogue_is_told(store: Store, tmp_path: Path) -> None:
    build(store, corpus.documents(Random(9), 5))
    damage(tmp_path / "ship" / "catalogue.json", "flipped")
    for call in (store.live, store.open, store.versions, store.audit):
        with pytest.raises(IndexDamaged, match="catalogue"):
            call("ship")
    with pytest.raises(IndexDamaged, match="catalogue"):
        store.draft("ship", RECIPE)


def test_each_array_that_changed_is_named_by_the_audit(store: Store, tmp_path: Path) -> None:
    build(store, corpus.documents(Random(11), 20))
    path = tmp_path / "ship" / "segments" / "000000000000.seg"
    whole = path.read_bytes()
    arrays = index_file.MappedArrays(path)
    for name in arrays:
        at = whole.find(arrays[name].tobytes()) if arrays[name].nbytes > 8 else -1
        if at < 0:
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        reasons = [one.reason for one in store.audit("ship")]
        assert any(repr(name) in reason for reason in reasons), name
        path.write_bytes(whole)
    assert list(store.audit("ship")) == []


def test_parts_that_disagree_behind_right_checksums_are_found(store: Store, tmp_path: Path) -> None:
    build(store, corpus.documents(Random(12), 20))
    path = tmp_path / "ship" / "segments" / "000000000000.seg"
    arrays = {name: array.copy() for name, array in index_file.MappedArrays(path).items()}
    arrays["spans"][0] += 1
    arrays["vectors"][2] *= 2
    index_file.write_arrays(path, arrays)
    assert {one.part for one in store.audit("ship")} == {"chunks", "vectors"}
