"""What an index must refuse to keep."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.failures import DocumentRefused, VectorInvalid
from seatrial.rag.index.writing import IndexedDocument, IndexStore
from seatrial.rag.text.document import Span
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL
from seatrial.testing.index_corpus import RECIPE


class IndexRefusalsSuite:
    """A part of `index_store_suite.IndexStoreSuite`."""

    @pytest.mark.parametrize("name", ["", "../ship", "a/b", ".hidden", "x\0", "n" * 300])
    def test_a_name_that_could_not_be_kept_is_refused(self, store: IndexStore, name: str) -> None:
        """Before anything is built."""
        with pytest.raises(Invalid):
            store.draft(name, RECIPE)

    @pytest.mark.parametrize(
        "chunk",
        [
            Chunk(span=Span(0, 6), parent=Span(0, 6), n_tokens=1),
            Chunk(span=Span(-1, 2), parent=Span(-1, 2), n_tokens=1),
            Chunk(span=Span(2, 2), parent=Span(0, 5), n_tokens=1),
            Chunk(span=Span(3, 2), parent=Span(0, 5), n_tokens=1),
            Chunk(span=Span(0, 3), parent=Span(1, 5), n_tokens=1),
            Chunk(span=Span(0, 3), parent=Span(0, 9), n_tokens=1),
        ],
    )
    def test_a_chunk_outside_its_text_is_refused(self, store: IndexStore, chunk: Chunk) -> None:
        """And nothing of the call is kept."""
        draft = store.draft("ship", RECIPE)
        good = corpus.document(Random(1), "good")
        bad = replace(good.document, id="bad", text="five!")
        with pytest.raises(DocumentRefused, match="bad"):
            draft.put([good, IndexedDocument(document=bad, chunks=[chunk], vectors=_unit(1))])
        assert dict(draft.digests()) == {}
        draft.discard()

    @pytest.mark.parametrize("field", ["text", "title", "id", "metadata", "digest"])
    def test_half_a_character_is_refused(self, store: IndexStore, field: str) -> None:
        """No file could hold it."""
        draft = store.draft("ship", RECIPE)
        document = replace(corpus.document(Random(1), "a").document, text="plain")
        value = {"author": "\ud83d"} if field == "metadata" else "\ud83d"
        document = replace(document, **{field: value})  # type: ignore[arg-type]
        with pytest.raises(DocumentRefused, match="half a character"):
            draft.put([IndexedDocument(document=document, chunks=[], vectors=_unit(0))])
        draft.discard()

    @pytest.mark.parametrize("value", [None, {"a": 1}, ["a"], (1, 2), 2**70, b"a", {1}])
    def test_a_field_that_no_condition_could_ask_for_is_refused(
        self, store: IndexStore, value: object
    ) -> None:
        """By its name."""
        draft = store.draft("ship", RECIPE)
        document = replace(
            corpus.document(Random(1), "a").document,
            text="plain",
            metadata={"year": value},  # type: ignore[dict-item]
        )
        with pytest.raises(DocumentRefused, match="year"):
            draft.put([IndexedDocument(document=document, chunks=[], vectors=_unit(0))])
        draft.discard()

    @pytest.mark.parametrize(
        "vectors",
        [
            None,
            np.zeros((1, corpus.DIMENSIONS), np.float32),
            np.full((1, corpus.DIMENSIONS), np.nan, np.float32),
            np.full((1, corpus.DIMENSIONS), np.inf, np.float32),
            np.eye(1, corpus.DIMENSIONS + 1, dtype=np.float32),
            np.eye(2, corpus.DIMENSIONS, dtype=np.float32),
            np.eye(1, corpus.DIMENSIONS, dtype=np.float64),
        ],
    )
    def test_vectors_that_cannot_be_compared_are_refused(
        self, store: IndexStore, vectors: object
    ) -> None:
        """By a draft and by a search."""
        document = replace(corpus.document(Random(1), "a").document, text="five!")
        chunk = Chunk(span=Span(0, 5), parent=Span(0, 5), n_tokens=1)
        draft = store.draft("ship", RECIPE)
        with pytest.raises(VectorInvalid):
            draft.put([IndexedDocument(document=document, chunks=[chunk], vectors=vectors)])  # type: ignore[arg-type]
        draft.put([IndexedDocument(document=document, chunks=[chunk], vectors=_unit(1))])
        draft.publish()
        index = store.open("ship")
        for asked in (_unit(1)[0] * 0, np.full(corpus.DIMENSIONS, np.nan), _unit(1)[0, :-1]):
            with pytest.raises(VectorInvalid):
                index.dense(asked.astype(np.float32), 1, ALL)


def _unit(n: int) -> NDArray[np.float32]:
    return np.eye(max(n, 1), corpus.DIMENSIONS, dtype=np.float32)[:n]
