"""A small index in memory, and an embedder whose vectors are the words of a text."""

from hashlib import blake2b

import numpy as np
import pytest

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.writing import IndexedDocument, Recipe
from seatrial.rag.text.document import Document, Span
from seatrial.rag.text.language import language_of
from seatrial.testing.index_corpus import PLAIN_WORDS
from seatrial.testing.memory_index_store import MemoryIndexStore


class Words:
    """A tokenizer whose tokens are words."""

    name = "words"

    def offsets(self, texts):
        return [np.zeros((len(text.split()), 2), np.int32) for text in texts]


class WordEmbedder:
    """Texts with the same words have the same vector; words of other languages add nothing."""

    name = "words"
    dimensions = 64
    max_tokens = 512
    languages = frozenset({"en"})

    tokenizer = Words()

    def embed_documents(self, texts):
        self.n_calls = getattr(self, "n_calls", 0) + 1
        vectors = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in PLAIN_WORDS.words(text):
                vector[blake2b(word.encode(), digest_size=2).digest()[0] % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    embed_queries = embed_documents


@pytest.fixture
def embedder():
    return WordEmbedder()


@pytest.fixture
def index_of(embedder):
    """An index of texts: one chunk each, or several where a text is a list of them."""

    def build(texts, *, vectors=True, readers=None, metadata=None):
        store = MemoryIndexStore(PLAIN_WORDS)
        recipe = Recipe(
            embedder=embedder.name if vectors else None,
            dimensions=embedder.dimensions if vectors else 0,
            chunker="whole",
        )
        draft = store.draft("kb", recipe)
        for name, given in texts.items():
            parts = [given] if isinstance(given, str) else given
            text = "\n".join(parts)
            chunks, start = [], 0
            for part in parts:
                span = Span(start, start + len(part))
                parent = Span(0, len(text))
                chunks.append(Chunk(span=span, parent=parent, n_tokens=len(part.split())))
                start = span.end + 1
            document = Document(
                id=name,
                text=text,
                title=name,
                source=name,
                format="text",
                language=language_of(text),
                digest=name,
                readers=(readers or {}).get(name),
                metadata=(metadata or {}).get(name, {}),
            )
            held = embedder.embed_documents(parts) if vectors else None
            draft.put([IndexedDocument(document=document, chunks=chunks, vectors=held)])
        draft.publish()
        return store.open("kb")

    return build
