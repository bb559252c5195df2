"""A configuration gives its chunker, or says why it cannot."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.chunking.making import ChunkingInvalid, chunker_of
from seatrial.testing.fake_tokenizers import PieceTokenizer


class Embedder:
    name, dimensions, languages = "small", 4, None
    tokenizer = PieceTokenizer()

    def __init__(self, max_tokens: int = 254) -> None:
        self.max_tokens = max_tokens

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), 4), 0.5, np.float32)

    embed_queries = embed_documents


@pytest.mark.parametrize(
    ("written", "max_tokens", "name"),
    [
        ({}, 254, "recursive 200+20 in 800 fake-pieces"),
        ({}, 126, "recursive 126+12 in 504 fake-pieces"),
        ({}, None, "recursive 900+90 in 3600 characters"),
        ({"unit": "characters"}, 254, "recursive 900+90 in 3600 characters"),
        ({"length": 254, "parent": 0}, 254, "recursive 254+25 fake-pieces"),
        ({"kind": "fixed", "length": 100, "overlap": 0}, 254, "fixed 100+0 fake-pieces"),
        ({"kind": "sentence", "parent": 600}, 254, "sentence 200+20 in 600 fake-pieces"),
        ({"kind": "semantic"}, 254, "semantic 200+20 fake-pieces by small"),
        (
            {"kind": "semantic", "unit": "characters"},
            254,
            "semantic 900+90 characters by small",
        ),
    ],
)
def test_a_chunker_is_made_as_written_and_sizes_are_filled_in(
    written: Mapping[str, object], max_tokens: int | None, name: str
) -> None:
    embedder = Embedder(max_tokens) if max_tokens else None
    assert chunker_of(ChunkingConfig.model_validate(written), embedder).name == name


@pytest.mark.parametrize(
    ("written", "embedder", "told"),
    [
        (
            {"length": 255},
            Embedder(),
            "255 tokens, and small reads 254. Set chunking.length to 254",
        ),
        ({"unit": "tokens"}, None, "chunking has unit tokens, and the index has no embedder"),
        ({"kind": "semantic"}, None, "chunking has kind semantic, and the index has no embedder"),
        ({"overlap": 100}, Embedder(), "chunking.overlap is 100 .* a chunk holds 200"),
        ({"parent": 100}, Embedder(), "chunking.parent 100, and a chunk holds 200"),
    ],
)
def test_what_does_not_fit_is_told(
    written: Mapping[str, object], embedder: Embedder | None, told: str
) -> None:
    with pytest.raises(ChunkingInvalid, match=told) as error:
        chunker_of(ChunkingConfig.model_validate(written), embedder)
    assert str(error.value.facts["field"]).startswith("chunking")


@pytest.mark.parametrize(
    "written",
    [
        {"kind": "paragraph"},
        {"length": 7},
        {"length": 100, "overlap": 50},
        {"length": 100, "parent": 99},
        {"overlap": -1},
        {"size": 100},
    ],
)
def test_what_is_never_right_is_refused_when_it_is_read(written: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChunkingConfig.model_validate(written)
