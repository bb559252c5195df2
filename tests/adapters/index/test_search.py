"""Searches of many vectors in a folder: what codes lead to is what all products find."""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.adapters.index import embedded as index_embedded
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.adapters.index.file import MappedArrays, read_json, write_json
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.conditions import Equals, Range
from seatrial.rag.index.failures import IndexDamaged
from seatrial.rag.index.ranking import best, cosines
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Span
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL, build, read, written
from seatrial.testing.index_corpus import PLAIN_WORDS, RECIPE
from tests.rag.index.vectors_made import around_few, by_chance, products

D = 384
N_DOCUMENTS, N_EACH = 120, 100
CHUNK = Chunk(span=Span(0, 5), parent=Span(0, 5), n_tokens=1)
OLD = Path(__file__).parents[2] / "data/rag/index_v1"


class Counted:
    """`codes.Products` that count rows."""

    def __init__(self) -> None:
        self.n_rows = 0

    def __call__(self, codes: NDArray[np.int8], query: NDArray[np.int8]) -> NDArray[np.float32]:
        self.n_rows += len(codes)
        return products(codes, query)


def indexed(number: int, vectors: NDArray[np.float32]) -> IndexedDocument:
    """A document of a hundred chunks; every fourth is for Alice alone."""
    document = replace(
        corpus.document(Random(number), f"doc-{number}").document,
        text="five!",
        sections=(),
        pages=(),
        metadata={"n": number, "half": number % 2},
        readers=frozenset({"alice"}) if number % 4 == 0 else None,
    )
    return IndexedDocument(document=document, chunks=[CHUNK] * N_EACH, vectors=vectors)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.float32]]:
    """An index of several segments, some documents of which were replaced or removed."""
    random = np.random.default_rng(13)
    half = N_DOCUMENTS * N_EACH // 2
    vectors = np.concatenate([by_chance(random, half, D), around_few(random, half, D)])
    vectors[::17] = vectors[5]  # equal ones, in every segment
    folder = tmp_path_factory.mktemp("indexes")
    store = EmbeddedIndexStore(folder, PLAIN_WORDS, full_bytes=2**22)
    made = [indexed(n, vectors[n * N_EACH :][:N_EACH]) for n in range(N_DOCUMENTS)]
    recipe = replace(RECIPE, dimensions=D)
    draft = store.draft("ship", recipe)
    for one in made:
        draft.put([one])
    draft.publish()
    draft = store.draft("ship", recipe)
    draft.remove([f"doc-{n}" for n in range(0, N_DOCUMENTS, 11)])
    draft.put(made[30:35])
    draft.publish()
    return folder, vectors


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, counted: Counted | None) -> Index:
    monkeypatch.setattr(index_embedded, "byte_products", lambda: counted)
    return EmbeddedIndexStore(folder, PLAIN_WORDS).open("ship")


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (ALL, lambda n: n >= 0),
        (Scope(readers=frozenset({"bob"})), lambda n: n % 4 != 0),
        (Scope(where=Equals("half", 1), readers=None), lambda n: n % 2 == 1),
        (Scope(where=Range(field="n", gte=7, lt=20), readers=None), lambda n: (n >= 7) & (n < 20)),
        (Scope(where=Range(field="n", gte=7, lt=20)), lambda n: (n >= 7) & (n < 20) & (n % 4 != 0)),
        (Scope(where=Equals("n", 3), readers=None), lambda n: n == 3),
        (Scope(where=Equals("n", 1_000), readers=None), lambda n: n < 0),
    ],
)
@pytest.mark.parametrize("coded", [True, False])
def test_all_products_would_find_the_same(
    kept: tuple[Path, NDArray[np.float32]],
    monkeypatch: pytest.MonkeyPatch,
    scope: Scope,
    inside,
    coded: bool,
) -> None:
    folder, vectors = kept
    counted = Counted()
    index = opened(monkeypatch, folder, counted if coded else None)
    keys = index.keys()
    passages = index.passages(keys.tolist())
    number = np.array([one.metadata["n"] for one in passages])
    held = index.vectors(keys.tolist())
    at = np.flatnonzero(inside(number))
    for query in vectors[:: len(vectors) // 12]:
        for k in (1, 10, 300):
            found = index.dense(query, k, scope)
            expected = best(keys[at], cosines(held[at], query), k)
            assert found.keys.tolist() == expected.keys.tolist()
            assert found.scores.tobytes() == expected.scores.tobytes()
    assert (counted.n_rows > 0) == (coded and len(at) > 512)


def test_an_index_of_an_older_release_answers_and_is_written_anew(tmp_path: Path) -> None:
    """It has signs of vectors where later ones have codes."""
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    store = EmbeddedIndexStore(tmp_path, PLAIN_WORDS)
    made = corpus.documents(Random(31), 12)
    assert list(store.audit("ship")) == []
    index = store.open("ship")
    assert sorted(read(index)) == sorted(written(made))
    query = corpus.unit_vectors(Random(1), 1)[0]
    found = index.dense(query, 5, ALL)
    assert store.draft("ship", RECIPE).publish() == 2
    again = store.open("ship")
    assert again.dense(query, 5, ALL).scores.tobytes() == found.scores.tobytes()
    assert list(store.audit("ship")) == []
    (old, new) = sorted((tmp_path / "ship" / "segments").iterdir())
    assert "codes" not in MappedArrays(old)
    assert "signs" not in MappedArrays(new)
    assert store.draft("ship", RECIPE).publish() == 2  # and once is enough


def test_an_index_of_a_later_release_is_refused(tmp_path: Path) -> None:
    store = EmbeddedIndexStore(tmp_path, PLAIN_WORDS)
    build(store, corpus.documents(Random(2), 3))
    path = tmp_path / "ship" / "catalogue.json"
    write_json(path, {**read_json(path), "format": 3})
    with pytest.raises(IndexDamaged, match="another version of seatrial"):
        store.open("ship")
