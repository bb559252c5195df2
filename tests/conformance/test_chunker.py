"""Every chunker against the suite that defines one."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.chunking.chunkers import Kind, Sizes, StructureChunker
from seatrial.rag.chunking.ruler import Characters
from seatrial.rag.chunking.semantic import SemanticChunker
from seatrial.rag.chunking.token_ruler import Tokens
from seatrial.rag.embedding.embedder import Tokenizer
from seatrial.testing.chunker_suite import ChunkerSuite
from seatrial.testing.fake_tokenizers import ByteTokenizer, JoiningTokenizer, PieceTokenizer

WAYS: list[tuple[Kind, Sizes]] = [
    ("recursive", Sizes(length=60, overlap=10, parent=200)),
    ("sentence", Sizes(length=60, overlap=20)),
    ("fixed", Sizes(length=60)),
    ("fixed", Sizes(length=60, overlap=29)),
]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]} {way[1]}")
def way(request: pytest.FixtureRequest) -> tuple[Kind, Sizes]:
    return request.param


@pytest.fixture
def limit() -> int:
    return 60


class TestCharacters(ChunkerSuite):
    @pytest.fixture
    def chunker(self, way: tuple[Kind, Sizes]) -> Chunker:
        return StructureChunker(*way, Characters())

    @pytest.fixture
    def measure(self) -> Callable[[str], int]:
        return len


class TestTokens(ChunkerSuite):
    @pytest.fixture(params=[PieceTokenizer, JoiningTokenizer, ByteTokenizer])
    def tokenizer(self, request: pytest.FixtureRequest) -> Tokenizer:
        return request.param()

    @pytest.fixture
    def chunker(self, way: tuple[Kind, Sizes], tokenizer: Tokenizer) -> Chunker:
        return StructureChunker(*way, Tokens(tokenizer))

    @pytest.fixture
    def measure(self, tokenizer: Tokenizer) -> Callable[[str], int]:
        def n_tokens(text: str) -> int:
            whole = "".join("\ufffd" if "\ud800" <= mark <= "\udfff" else mark for mark in text)
            return len(tokenizer.offsets([whole])[0])

        return n_tokens


class TestSemantic(ChunkerSuite):
    class Scattered:
        """Embeds a text as its digest says."""

        name, dimensions, max_tokens, languages = "scattered", 8, 512, None
        tokenizer = PieceTokenizer()

        def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
            digests = [hashlib.sha256(text.encode(errors="replace")).digest() for text in texts]
            rows = np.array([list(digest[:8]) for digest in digests], np.float32) - 127.4
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            return rows

        embed_queries = embed_documents

    @pytest.fixture
    def chunker(self) -> Chunker:
        return SemanticChunker(
            Sizes(length=60, overlap=10, parent=200), Characters(), self.Scattered()
        )

    @pytest.fixture
    def measure(self) -> Callable[[str], int]:
        return len
