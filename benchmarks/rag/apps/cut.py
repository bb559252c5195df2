"""Cuts texts with one library and says what it cost and what came of it.

    python cut.py NAME TEXTS.json TOKENIZER.json

Runs in the library's environment. Prints one JSON document: for each text, unit and overlap the CPU
seconds, and what is wrong with the chunks. Each library is
given the whole text, and says itself where its chunks begin.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

LIMITS = {"characters": 1000, "tokens": 200}
OVERLAPS = (0, 10)  # percent of the limit
Chunks = list[tuple[int, str]]  # where each begins, and its text
Cutter = Callable[[str], Chunks]


@dataclass(frozen=True)
class Task:
    """How long chunks may be, in which unit, and what they share; `tokenizer` is a file."""

    unit: str
    limit: int
    overlap: int
    tokenizer: Path

    def measure(self) -> Callable[[str], int]:
        """The length of a text."""
        if self.unit == "characters":
            return len
        encode = self.huggingface().encode
        return lambda text: len(encode(text, add_special_tokens=False).ids)

    def huggingface(self):
        """The tokenizer without what its file says of truncation and padding."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.tokenizer))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def seatrial(kind: str, task: Task) -> Cutter:
    import numpy as np

    from seatrial.rag.chunking.chunkers import Sizes, StructureChunker
    from seatrial.rag.chunking.ruler import Characters
    from seatrial.rag.chunking.token_ruler import Tokens
    from seatrial.rag.text.document import Document

    class HuggingFace:
        name = "here"
        _tokenizer = task.huggingface()

        def offsets(self, texts):
            found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
            return [np.array(one.offsets, np.int32).reshape(-1, 2) for one in found]

    def cut(text: str) -> Chunks:
        unit = Characters() if task.unit == "characters" else Tokens(HuggingFace())
        sizes = Sizes(length=task.limit, overlap=task.overlap)
        document = Document(
            id="", text=text, title="", source="", format="text", language=None, digest=""
        )
        chunks = StructureChunker(kind, sizes, unit).chunks(document)
        return [(c.span.start, text[c.span.start : c.span.end]) for c in chunks]

    return cut


def langchain(task: Task) -> Cutter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=task.limit,
        chunk_overlap=task.overlap,
        length_function=task.measure(),
        add_start_index=True,
    )
    return lambda text: [
        (one.metadata["start_index"], one.page_content) for one in splitter.create_documents([text])
    ]


def chonkie(kind: str, task: Task) -> Cutter:
    import chonkie as library

    measure = "character" if task.unit == "characters" else task.huggingface()
    if kind == "sentence":
        chunker = library.SentenceChunker(
            tokenizer=measure, chunk_size=task.limit, chunk_overlap=task.overlap
        )
    elif task.overlap:
        raise NotImplementedError("it has no overlap")
    else:
        chunker = library.RecursiveChunker(tokenizer=measure, chunk_size=task.limit)
    return lambda text: [(one.start_index, one.text) for one in chunker.chunk(text)]


def semantic_text_splitter(task: Task) -> Cutter:
    from semantic_text_splitter import TextSplitter

    if task.unit == "characters":
        splitter = TextSplitter(task.limit, overlap=task.overlap)
    else:
        splitter = TextSplitter.from_huggingface_tokenizer(
            task.huggingface(), task.limit, overlap=task.overlap
        )
    return splitter.chunk_indices


def llama_index(task: Task) -> Cutter:
    from llama_index.core import Document
    from llama_index.core.node_parser import SentenceSplitter

    encode = task.huggingface().encode
    splitter = SentenceSplitter(
        chunk_size=task.limit,
        chunk_overlap=task.overlap,
        tokenizer=list
        if task.unit == "characters"
        else lambda text: encode(text, add_special_tokens=False).ids,
    )
    return lambda text: [
        (-1 if node.start_char_idx is None else node.start_char_idx, node.text)
        for node in splitter.get_nodes_from_documents([Document(text=text)])
    ]


CUTTERS: dict[str, Callable[[Task], Cutter]] = {
    "seatrial recursive": partial(seatrial, "recursive"),
    "seatrial sentence": partial(seatrial, "sentence"),
    "seatrial fixed": partial(seatrial, "fixed"),
    "LangChain recursive": langchain,
    "chonkie recursive": partial(chonkie, "recursive"),
    "chonkie sentence": partial(chonkie, "sentence"),
    "semantic-text-splitter": semantic_text_splitter,
    "LlamaIndex sentence": llama_index,
}


def faults(text: str, chunks: Chunks, measure: Callable[[str], int], limit: int) -> dict[str, int]:
    """What is wrong with chunks. `lost` counts characters, but white space, in none of them."""
    wrong = over = longest = 0
    covered = bytearray(len(text))
    for start, part in chunks:
        right = start >= 0 and text.startswith(part, start)
        wrong += not right
        if right:
            covered[start : start + len(part)] = b"\1" * len(part)
        length = measure(part)
        over += length > limit
        longest = max(longest, length)
    lost = sum(not covered[at] and not mark.isspace() for at, mark in enumerate(text))
    return {"n": len(chunks), "wrong": wrong, "over": over, "longest": longest, "lost": lost}


def measured(cut: Cutter, text: str) -> tuple[float, Chunks]:
    before = time.process_time()
    chunks = cut(text)
    return time.process_time() - before, chunks


def main(name: str, texts: str, tokenizer: str) -> None:
    found: list[dict[str, object]] = []
    for title, text in json.loads(Path(texts).read_text()).items():
        for (unit, limit), overlap in product(LIMITS.items(), OVERLAPS):
            task = Task(unit, limit, limit * overlap // 100, Path(tokenizer))
            row = {"text": title, "unit": unit, "overlap": overlap, "n_characters": len(text)}
            try:
                cut = CUTTERS[name](task)
                cut(text[:2000])  # what is loaded on first use is not timed
                seconds, chunks = measured(cut, text)
            except Exception as error:  # noqa: BLE001 - whatever a library raises is its result
                found.append({**row, "failed": f"{type(error).__name__}: {error}"[:200]})
                continue
            found.append({**row, "cpu_s": seconds, **faults(text, chunks, task.measure(), limit)})
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
