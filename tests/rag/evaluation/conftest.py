"""A few documents, and what tries them."""

import numpy as np
import pytest

from seatrial.rag.chunking.chunkers import Sizes, StructureChunker
from seatrial.rag.chunking.ruler import Characters
from seatrial.rag.text.document import Document, Section
from seatrial.rag.text.language import language_of
from seatrial.testing.index_corpus import PLAIN_WORDS

SENTENCES = [
    "The keel of the vessel {n} was laid on a cold morning in the yard at port {n}.",
    "Her master for the first voyage was captain number {n}, who came from the islands.",
    "After {n} days of trials the engines of this ship reached the speed in the contract.",
]


def document(name, text, **fields):
    return Document(
        id=name,
        text=text,
        title=fields.pop("title", name),
        source=name,
        format=fields.pop("format", "text"),
        language=language_of(text),
        digest=name,
        **fields,
    )


@pytest.fixture
def ships():
    """Twelve short documents of three sentences each."""
    return [
        document(f"ship-{n:02}", " ".join(text.format(n=n * 7 + 100) for text in SENTENCES))
        for n in range(12)
    ]


class Words:
    """A tokenizer whose tokens are words."""

    name = "words"

    def offsets(self, texts):
        return [np.zeros((len(PLAIN_WORDS.words(text)), 2), np.int32) for text in texts]


class LetterEmbedder:
    """Vectors of how often each letter occurs; tokens are words."""

    name = "letters"
    dimensions = 26
    max_tokens = 40
    languages = frozenset({"en"})

    tokenizer = Words()

    def embed_documents(self, texts):
        counts = np.array(
            [[1 + text.lower().count(chr(97 + n)) for n in range(26)] for text in texts]
        ).reshape(len(texts), 26)
        vectors = counts - counts.mean(axis=1, keepdims=True) + 1e-3
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    embed_queries = embed_documents


@pytest.fixture
def embedder():
    return LetterEmbedder()


@pytest.fixture
def chunkers():
    """By whole document, and by sentence."""
    return [
        StructureChunker("sentence", Sizes(length=length), Characters()) for length in (400, 100)
    ]


@pytest.fixture
def headed():
    text = "# Keel\n" + "It is the lowest part of the ship and carries the frames above it. " * 3
    return document(
        "parts.md", text, title="Parts", sections=(Section(level=1, title="Keel", start=0),)
    )
