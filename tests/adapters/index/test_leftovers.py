from datetime import UTC, datetime
from random import Random

import pytest

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.adapters.index.folder import IndexFolder
from seatrial.rag.index.failures import IndexBeingBuilt
from seatrial.testing import index_corpus as corpus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return EmbeddedIndexStore(tmp_path, corpus.PLAIN_WORDS, now=lambda: NOW, full_bytes=4_000)


def nothing():
    return set()


def publish(store, number):
    draft = store.draft("ship", corpus.RECIPE)
    draft.put(corpus.documents(Random(number), 6, prefix=f"doc-{number}"))
    return draft.publish()


def abandon(store, *, n=40):
    """A draft of several segments and a journal, whose builder is gone."""
    draft = store.draft("ship", corpus.RECIPE)
    for number in range(n):
        draft.put(corpus.documents(Random(number), 5, prefix=f"left-{number}"))
    draft.close()


def taken(tmp_path):
    return sum(
        path.stat().st_size
        for path in (tmp_path / "ship").rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


def test_an_abandoned_draft_goes_and_what_was_published_stays(store, tmp_path):
    publish(store, 1)
    before = taken(tmp_path)
    abandon(store)
    left = taken(tmp_path) - before
    assert len(list((tmp_path / "ship" / "segments").iterdir())) > 2
    told = store.leftovers("ship", keep=3, needed=nothing)
    assert taken(tmp_path) - before == left  # telling removes nothing
    gone = store.discard("ship", keep=3, needed=nothing)
    assert gone == told
    assert gone.draft.begun == NOW
    assert not gone.draft.is_building
    assert (gone.versions, gone.n_bytes) == ((), left)
    assert taken(tmp_path) == before
    assert list(store.audit("ship")) == []
    assert store.draft_of("ship") is None
    again = store.discard("ship", keep=3, needed=nothing)
    assert (again.draft, again.versions, again.n_bytes) == (None, (), 0)


def test_a_draft_of_an_index_that_was_never_published_goes(store, tmp_path):
    abandon(store, n=3)
    assert store.discard("ship", keep=1, needed=nothing).n_bytes > 0
    assert taken(tmp_path) == 0
    assert publish(store, 1) == 1


def test_an_index_that_was_never_built_has_nothing_to_discard(store, tmp_path):
    assert store.discard("ship", keep=1, needed=nothing).n_bytes == 0
    assert store.leftovers("../ship", keep=1, needed=nothing).n_bytes == 0
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_is_being_built_is_told_and_refused(store):
    publish(store, 1)
    draft = store.draft("ship", corpus.RECIPE)
    draft.put(corpus.documents(Random(2), 3, prefix="new"))
    assert store.draft_of("ship").is_building
    assert store.leftovers("ship", keep=1, needed=nothing).draft.is_building
    with pytest.raises(IndexBeingBuilt, match="'ship'"):
        store.discard("ship", keep=1, needed=nothing)
    assert draft.publish() == 2
    assert list(store.audit("ship")) == []


def test_versions_that_are_needed_stay(store):
    for number in range(1, 7):
        publish(store, number)
    store.activate("ship", 1)
    gone = store.discard("ship", keep=2, needed=lambda: {3})
    assert gone.versions == (2, 4)
    assert [one.version for one in store.versions("ship")] == [1, 3, 5, 6]
    assert store.live("ship") == 1
    for version in (1, 3, 5, 6):
        assert list(store.audit("ship", version)) == []


def test_who_has_a_version_open_reads_on(store):
    publish(store, 1)
    index = store.open("ship")
    names = list(index.documents())
    draft = store.draft("ship", corpus.RECIPE)
    draft.remove(names)
    draft.put(corpus.documents(Random(9), 2, prefix="other"))
    draft.publish()
    assert store.discard("ship", keep=1, needed=nothing).versions == (1,)
    assert [index.document(name).id for name in names] == names


def test_what_is_needed_is_asked_while_nobody_else_changes_the_index(store, tmp_path):
    publish(store, 1)
    seen = []

    def needed():
        with pytest.raises(IndexBeingBuilt), IndexFolder(tmp_path, "ship").building():
            raise AssertionError
        seen.append(True)
        return set()

    store.discard("ship", keep=1, needed=needed)
    assert seen == [True]


def test_a_draft_of_an_earlier_seatrial_tells_when_its_files_were_written(store, tmp_path):
    abandon(store, n=1)
    folder = IndexFolder(tmp_path, "ship")
    written = folder.draft / "draft.json"
    import msgspec

    from seatrial.adapters.index.file import read_json, write_json

    held = read_json(written)
    del held["begun"]
    write_json(written, msgspec.to_builtins(held))
    facts = store.draft_of("ship")
    assert facts.begun <= facts.written
    assert facts.begun.tzinfo is not None
