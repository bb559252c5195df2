"""From the section ``chunking`` to the chunker it asks for."""

from __future__ import annotations

from seatrial.kernel.errors import Invalid
from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.chunking.chunkers import Sizes, StructureChunker
from seatrial.rag.chunking.config import ChunkingConfig
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
