"""What a corpus is: formats, languages, lengths, copies, and what a chunker makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.rag.chunking.chunk import Chunk, Chunker
from seatrial.rag.embedding.embedder import Tokenizer
from seatrial.rag.evaluation.near_duplicates import duplicates, near_duplicates
from seatrial.rag.text.document import Document
from seatrial.rag.text.sentences import sentences

_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long things are.

    Args:
        quantiles: the shortest, 5 %, 25 %, half, 75 %, 95 %, the longest; empty for nothing.
        total: of all.
    """

    n: int
    total: int
    quantiles: tuple[int, ...]

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Lengths:
        """Of these lengths."""
        if not lengths:
            return cls(n=0, total=0, quantiles=())
        found = np.quantile(lengths, _SHARES, method="inverted_cdf")
        return cls(n=len(lengths), total=int(sum(lengths)), quantiles=tuple(map(int, found)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFacts:
    """A corpus in figures.

    Args:
        formats: documents by format, the commonest first.
        languages: documents by language (ISO 639-1), ``""`` where it cannot be told.
        characters: of each document.
        tokens: of each document looked at for it.
        n_tokens: of the whole corpus, projected from those.
        n_empty: documents without a word.
        duplicates: ids of documents with the same text.
        near_duplicates: ids of documents that share most of their text, exact ones included.
    """

    n_documents: int
    formats: dict[str, int]
    languages: dict[str, int]
    characters: Lengths
    tokens: Lengths
    n_tokens: int
    n_empty: int
    duplicates: tuple[tuple[str, ...], ...]
    near_duplicates: tuple[tuple[str, ...], ...]


def corpus_facts(
    documents: Sequence[Document], sample: Sequence[Document], tokenizer: Tokenizer
) -> CorpusFacts:
    """Describe a corpus.

    Args:
        sample: those of the documents whose tokens are counted.
    """
    counted = [
        len(offsets) for offsets in tokenizer.offsets([document.text for document in sample])
    ]
    n_sampled = sum(len(document.text) for document in sample)
    n_characters = sum(len(document.text) for document in documents)
    return CorpusFacts(
        n_documents=len(documents),
        formats=_counts(document.format for document in documents),
        languages=_counts(document.language or "" for document in documents),
        characters=Lengths.of([len(document.text) for document in documents]),
        tokens=Lengths.of(counted),
        n_tokens=round(sum(counted) * n_characters / n_sampled) if n_sampled else 0,
        n_empty=sum(not document.text.strip() for document in documents),
        duplicates=duplicates(documents),
        near_duplicates=near_duplicates(documents),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkerFacts:
    """What a chunker makes of documents.

    Args:
        chunker: its name.
        tokens: of each chunk, in tokens of the embedder.
        repeated_share: of the characters of all chunks, those that another chunk has, too.
        cut_share: of the chunks that end before their document does, those that end within a
            sentence.
        too_long_share: of the chunks, those of which the embedder sees only the beginning.
        unseen_share: of the tokens, those that no vector sees.
    """

    chunker: str
    tokens: Lengths
    repeated_share: float
    cut_share: float
    too_long_share: float
    unseen_share: float


def chunker_facts(
    documents: Sequence[Document], chunker: Chunker, tokenizer: Tokenizer, max_tokens: int
) -> ChunkerFacts:
    """Try a chunker.

    Args:
        max_tokens: what the embedder sees of a chunk.
    """
    sizes: list[int] = []
    n_written = n_covered = n_inner = n_cut = 0
    for document in documents:
        chunks = chunker.chunks(document)
        texts = [document.text[slice(*chunk.span)] for chunk in chunks]
        sizes += [len(offsets) for offsets in tokenizer.offsets(texts)]
        n_written += sum(map(len, texts))
        n_covered += _covered(chunks)
        ends = {span.end for span in sentences(document.text)}
        last = max((chunk.span.end for chunk in chunks), default=0)
        inner = [_end(document.text, chunk) for chunk in chunks if chunk.span.end < last]
        n_inner += len(inner)
        n_cut += sum(end not in ends for end in inner)
    beyond = [max(0, size - max_tokens) for size in sizes]
    return ChunkerFacts(
        chunker=chunker.name,
        tokens=Lengths.of(sizes),
        repeated_share=1 - n_covered / n_written if n_written else 0.0,
        cut_share=n_cut / n_inner if n_inner else 0.0,
        too_long_share=sum(map(bool, beyond)) / len(sizes) if sizes else 0.0,
        unseen_share=sum(beyond) / sum(sizes) if sum(sizes) else 0.0,
    )


def _covered(chunks: Sequence[Chunk]) -> int:
    """Characters that lie in at least one chunk."""
    n_covered = end = 0
    for chunk in chunks:
        n_covered += max(0, chunk.span.end - max(end, chunk.span.start))
        end = max(end, chunk.span.end)
    return n_covered


def _end(text: str, chunk: Chunk) -> int:
    """Where a chunk ends, white space aside."""
    return chunk.span.start + len(text[slice(*chunk.span)].rstrip())


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
