"""The section ``chunking`` of an index: how documents are cut."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.kernel.errors import Invalid
from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.chunking.chunkers import Sizes, StructureChunker
from seatrial.rag.chunking.ruler import Characters, Unit
from seatrial.rag.chunking.semantic import SemanticChunker
from seatrial.rag.chunking.token_ruler import Tokens
from seatrial.rag.embedding.embedder import Embedder

_LENGTHS = {"tokens": 200, "characters": 900}
_SHARE_OF_OVERLAP = 10
_CHUNKS_IN_A_PARENT = 4


class ChunkingInvalid(Invalid):
    """Chunks of this kind or length cannot be made for this embedder."""

    code = "rag.chunking_invalid"


class ChunkingConfig(ConfigModel):
    """How documents are cut into chunks."""

    kind: Literal["recursive", "sentence", "fixed", "semantic"] = Field(
        default="recursive",
        description="Where chunks end: recursive between sections, else paragraphs, sentences, "
        "words; sentence between sentences; fixed between words; semantic where the subject "
        "changes, which embeds every sentence.",
    )
    unit: Literal["tokens", "characters"] | None = Field(
        default=None,
        description="What lengths count; if not said, tokens of the embedder, and characters "
        "without one.",
    )
    length: int | None = Field(
        default=None,
        ge=8,
        le=100_000,
        description="The longest a chunk may be; if not said, 200 tokens, or what the embedder "
        "reads if that is less, or 900 characters.",
    )
    overlap: int | None = Field(
        default=None,
        ge=0,
        description="How much of a chunk the next one repeats at most, below half of the length; "
        "if not said, a tenth of it.",
    )
    parent: int | None = Field(
        default=None,
        ge=0,
        description="The most that the span around a chunk may hold, which an answer sees in its "
        "place; 0 for none. If not said, four times the length for recursive, and none for others.",
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.length is not None and self.overlap is not None and self.overlap * 2 >= self.length:
            raise ValueError(f"an overlap of {self.overlap} is not below half of {self.length}")
        if self.length is not None and self.parent and self.parent < self.length:
            raise ValueError(f"a parent of {self.parent} is shorter than a chunk of {self.length}")
        return self


def chunker_of(config: ChunkingConfig, embedder: Embedder | None) -> Chunker:
    """The chunker that a configuration asks for.

    Args:
        embedder: of the index; None for an index without vectors.

    Raises: ChunkingInvalid: it counts tokens or embeds sentences, and there is no embedder; a chunk
        would be longer than the embedder reads; lengths do not fit each other.
    """
    tokens = config.unit == "tokens" or (config.unit is None and embedder is not None)
    if embedder is None and (tokens or config.kind == "semantic"):
        needs = "kind semantic" if config.kind == "semantic" else "unit tokens"
        raise ChunkingInvalid(
            f"chunking has {needs}, and the index has no embedder.",
            remedy="Name an embedder, or cut by unit characters and another kind.",
            field="chunking",
        )
    unit: Unit = Tokens(embedder.tokenizer) if tokens and embedder else Characters()
    sizes = _sizes(config, embedder if tokens else None)
    if config.kind != "semantic":
        return StructureChunker(config.kind, sizes, unit)
    assert embedder is not None
    return SemanticChunker(sizes, unit, embedder)


def _sizes(config: ChunkingConfig, embedder: Embedder | None) -> Sizes:
    """Args: embedder: whose tokens are counted; None for characters."""
    length = config.length or _LENGTHS["tokens" if embedder else "characters"]
    if embedder and length > embedder.max_tokens:
        if config.length is not None:
            raise ChunkingInvalid(
                f"chunking.length is {length} tokens, and {embedder.name} reads "
                f"{embedder.max_tokens}.",
                remedy=f"Set chunking.length to {embedder.max_tokens} or less, and "
                "chunking.parent to what an answer shall see.",
                field="chunking.length",
                limit=embedder.max_tokens,
            )
        length = embedder.max_tokens
    overlap = length // _SHARE_OF_OVERLAP if config.overlap is None else config.overlap
    parent = config.parent
    if parent is None and config.kind == "recursive":
        parent = length * _CHUNKS_IN_A_PARENT
    if overlap * 2 >= length or (parent and parent < length):
        raise ChunkingInvalid(
            f"chunking.overlap is {overlap} and chunking.parent {parent}, and a chunk holds "
            f"{length}.",
            remedy="Set an overlap below half of the length, and a parent of at least the length.",
            field="chunking",
        )
    return Sizes(length=length, overlap=overlap, parent=parent or None)
