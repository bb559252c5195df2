"""Which versions of an index a store has, whether their words are there, and what follows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seatrial.rag.index.failures import IndexNotFound, Unsupported
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.vector_store import Point
from seatrial.rag.retrieval.found import Retrieved
from seatrial.testing.memory_vectors import MemoryVectors
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge import vectors as wired
from seatrial.wiring.knowledge.indexes import build_index, index_store
from seatrial.wiring.knowledge.opened import open_knowledge
from tests.adapters.encoders import WIDTH, encoder_tensors, write_encoder

TEXTS = {"heron.md": "The ship left the harbour.", "tern.md": "A trial of the ship at sea."}


class Kept(MemoryVectors):
    """A server: what it holds outlives who asks it. `n_left` writes more are taken."""

    n_left = 1_000
    fuses = True

    def upsert(self, points: Sequence[Point]) -> None:
        self.n_left -= 1
        if self.n_left < 0:
            raise OSError("no room")
        super().upsert(points)

    def hybrid(self, *args: Any, **named: Any) -> Hits:
        if not self.fuses:
            raise Unsupported("There is no such search.", remedy="Set retrieval.fusion to convex.")
        return super().hybrid(*args, **named)

    def said(self) -> dict[int, Sequence[str]]:
        return {key: point.words for key, point in self._points.items()}

    def as_before_words(self) -> None:
        """As a release wrote them that copied none."""
        self._points = {
            key: Point(
                key=key,
                vector=one.vector,
                document=one.document,
                words=(),
                metadata=one.metadata,
                readers=one.readers,
            )
            for key, one in self._points.items()
        }


class Ships:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Kept(WIDTH)
        write_encoder(folder / "encoder", encoder_tensors())
        (folder / "documents").mkdir()
        for name, text in TEXTS.items():
            self.write(name, text)
        self.configure("native")

    def write(self, name: str, text: str) -> None:
        (self.folder / "documents" / name).write_text(text, "utf-8")

    def configure(self, fusion: str) -> None:
        config = {
            "name": "ships",
            "documents": {"sources": [{"path": "documents"}]},
            "embedding": {"kind": "folder", "model": "encoder", "threads": 1},
            "vectors": {"kind": "qdrant", "url": "http://127.0.0.1:1"},
            "retrieval": {"fusion": fusion},
        }
        (self.folder / "rag_config.yaml").write_text(json.dumps(config), "utf-8")

    @property
    def workspace(self) -> Any:
        config = self.folder / "rag_config.yaml"
        return workspace_of(home=self.folder / "home", config=config, environment={})

    def build(self) -> int:
        return build_index(self.workspace, "ships").n_copied

    def search(self, question: str) -> Retrieved:
        config = self.folder / "rag_config.yaml"
        with open_knowledge(home=self.folder / "home", config=config) as knowledge:
            return knowledge.search(question)

    @property
    def record(self) -> Path:
        return self.folder / "home" / "knowledge-copies" / "ships.json"

    def forget_words(self) -> None:
        """What was written down and copied, as by a release before words were."""
        told = json.loads(self.record.read_text("utf-8"))
        del told["words"]
        self.record.write_text(json.dumps(told), "utf-8")
        self.server.as_before_words()


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ships:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Ships(tmp_path)
    monkeypatch.setattr(wired, "vector_store_of", lambda *_, **__: made.server)
    return made


def test_a_copy_is_asked_by_words_and_vectors_where_that_is_configured(ships: Ships) -> None:
    assert ships.build() == len(TEXTS)
    assert "native" in ships.search("the harbour").seconds
    ships.configure("convex")
    found = ships.search("the harbour")
    assert "native" not in found.seconds
    assert found.found[0].passage.document == "heron.md"


def test_a_copy_from_before_words_is_searched_by_vectors_until_the_next_build(
    ships: Ships,
) -> None:
    """Which writes the words of every version that is kept."""
    ships.build()
    ships.forget_words()
    assert "search" in ships.search("the harbour").seconds
    ships.write("ibis.md", "The ibis lost her anchor.")
    (ships.folder / "documents" / "tern.md").unlink()
    assert ships.build() == len(TEXTS) + 1
    assert len(ships.server.said()) == len(TEXTS) + 1
    assert all(ships.server.said().values())
    assert "native" in ships.search("the anchor").seconds
    ships.write("gull.md", "The gull sails.")
    assert ships.build() == 1


def test_a_first_copy_that_broke_off_goes_on(ships: Ships, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.rag.index.mirror._BATCH", 1)
    ships.server.n_left = 1
    with pytest.raises(OSError, match="no room"):
        ships.build()
    assert "search" in ships.search("the harbour").seconds, "the index searches its own vectors"
    ships.server.n_left = 1_000
    assert ships.build() == len(TEXTS) - 1
    assert "native" in ships.search("the harbour").seconds


def test_a_store_that_lost_everything_gets_it_again(ships: Ships) -> None:
    ships.build()
    ships.server.drop()
    assert ships.build() == len(TEXTS)
    assert "native" in ships.search("the harbour").seconds


def test_a_store_that_cannot_fuse_is_refused_before_anything_is_built(ships: Ships) -> None:
    ships.server.fuses = False
    with pytest.raises(Unsupported, match="no such search"):
        ships.build()
    with pytest.raises(IndexNotFound):
        index_store(ships.workspace).versions("ships")
    ships.configure("convex")
    assert ships.build() == len(TEXTS)


def test_a_question_is_answered_though_the_store_cannot_fuse_any_more(ships: Ships) -> None:
    ships.build()
    ships.server.fuses = False
    found = ships.search("the harbour")
    assert "search" in found.seconds
    assert found.found[0].passage.document == "heron.md"
