"""Semantic chunks end where the subject changes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunkers import Sizes
from seatrial.rag.chunking.ruler import Characters
from seatrial.rag.chunking.semantic import Changes, SemanticChunker
from seatrial.rag.text.document import Document
from seatrial.testing.fake_tokenizers import PieceTokenizer


class Subjects:
    """Embeds a text by how often it speaks of ships and of gardens."""

    name, dimensions, max_tokens, languages = "subjects", 3, 256, None
    tokenizer = PieceTokenizer()

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([[t.count("ship"), t.count("garden"), 0.01] for t in texts], np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    embed_queries = embed_documents


def chunks(text: str, length: int) -> list[str]:
    whole = Document(
        id="a", text=text, title="", source="", format="text", language=None, digest=""
    )
    chunker = SemanticChunker(Sizes(length=length), Characters(), Subjects())
    return [text[chunk.span.start : chunk.span.end] for chunk in chunker.chunks(whole)]


def test_a_chunk_ends_where_the_next_sentence_is_least_like_it() -> None:
    ship, garden = "The ship sails far away. ", "A garden is full of roses. "
    parts = chunks(ship * 5 + garden * 6 + ship * 6, 200)
    assert [("ship" in part, "garden" in part) for part in parts] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def test_texts_of_one_sentence_or_none_are_cut_by_words() -> None:
    assert chunks(" \n", 50) == []
    assert [len(part) <= 50 for part in chunks("ship " * 30, 50)] == [True] * 3


def test_the_greatest_change_within_reach_is_taken_and_the_last_of_equal_ones() -> None:
    changes = Changes([10, 20, 30, 40], np.array([0.9, 0.2, 0.5, 0.5], np.float32))
    assert [changes.last(0, 40), changes.last(10, 40), changes.last(10, 29)] == [10, 40, 20]
    assert changes.last(20, 29) is None


def test_its_name_tells_by_what_it_cuts() -> None:
    chunker = SemanticChunker(Sizes(length=200, overlap=20), Characters(), Subjects())
    assert chunker.name == "semantic 200+20 characters by subjects"
