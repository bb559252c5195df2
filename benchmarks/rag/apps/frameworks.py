"""What a framework costs beside its embedder: documents taken in, questions searched.

    python frameworks.py NAME FOLDER

Runs in the framework's environment. FOLDER holds ``job.json`` (``documents``: titles and texts;
``questions``). Prints one JSON line: CPU seconds of the import, documents taken in for each CPU
second, median CPU milliseconds of a question, chunks, peak memory. Vectors are drawn from a table
by the checksum of their text, so that they cost all the same, next to nothing. (Haystack reads
annotations as they stand, so they are not deferred here.) Chunks have 1,000
characters with a tenth of overlap where a framework counts them, else its defaults.
"""

import json
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

K = 10
DIMENSIONS = 384
LENGTH, OVERLAP = 1_000, 100
_TABLE = np.random.default_rng(1).standard_normal((4_096, DIMENSIONS), np.float32)
_TABLE /= np.linalg.norm(_TABLE, axis=1, keepdims=True)
_SIGNS = np.random.default_rng(2).choice(np.array([-1, 1], np.float32), (1_024, DIMENSIONS))
Texts = Sequence[Sequence[str]]
Search = Callable[[str], int]  # how many were found
Ingest = Callable[[Texts], tuple[Search, int]]  # and the number of chunks


def vectors(texts: Sequence[str]) -> Any:
    """float32 (n, 384), of different texts different ones, as every embedder makes them: a table
    alone has the same vector for some of 2,000, which then look like copies."""
    hashes = [zlib.crc32(text.encode()) for text in texts]
    signs = _SIGNS[[one // len(_TABLE) % len(_SIGNS) for one in hashes]]
    return _TABLE[[one % len(_TABLE) for one in hashes]] * signs


def floor(folder: Path) -> Ingest:
    """No framework: cut, one matrix, the best of a product."""

    def ingest(texts: Texts) -> tuple[Search, int]:
        chunks = [
            text[start : start + LENGTH]
            for _, text in texts
            for start in range(0, len(text), LENGTH - OVERLAP)
        ]
        matrix = vectors(chunks)

        def search(question: str) -> int:
            scores = matrix @ vectors([question])[0]
            best = np.argpartition(-scores, K)[:K]
            return len([chunks[row] for row in best[np.argsort(-scores[best])]])

        return search, len(chunks)

    return ingest


def llamaindex(folder: Path) -> Ingest:
    """VectorStoreIndex with its defaults: sentences, 1,024 tokens, vectors in memory."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding

    class Null(BaseEmbedding):
        def _get_text_embedding(self, text):
            return vectors([text])[0].tolist()

        def _get_text_embeddings(self, texts):
            return vectors(texts).tolist()

        def _get_query_embedding(self, query):
            return vectors([query])[0].tolist()

        async def _aget_query_embedding(self, query):
            return self._get_query_embedding(query)

    def ingest(texts: Texts) -> tuple[Search, int]:
        held = [Document(text=text, metadata={"title": title}) for title, text in texts]
        index = VectorStoreIndex.from_documents(held, embed_model=Null(embed_batch_size=256))
        retriever = index.as_retriever(similarity_top_k=K)
        return lambda question: len(retriever.retrieve(question)), len(index.docstore.docs)

    return ingest


def haystack(folder: Path) -> Ingest:
    """A pipeline of splitter (200 words), embedder and writer; the store in memory."""
    from haystack import Document, Pipeline, component
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    @component
    class Null:
        @component.output_types(documents=list[Document])
        def run(self, documents: list[Document]):
            made = vectors([one.content for one in documents]).tolist()
            pairs = zip(documents, made, strict=True)
            return {"documents": [replace(one, embedding=vector) for one, vector in pairs]}

    @component
    class NullText:
        @component.output_types(embedding=list[float])
        def run(self, text: str):
            return {"embedding": vectors([text])[0].tolist()}

    def ingest(texts: Texts) -> tuple[Search, int]:
        store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        pipeline = Pipeline()
        pipeline.add_component("split", DocumentSplitter(split_by="word", split_length=200))
        pipeline.add_component("embed", Null())
        pipeline.add_component("write", DocumentWriter(store))
        pipeline.connect("split", "embed")
        pipeline.connect("embed", "write")
        held = [Document(content=text, meta={"title": title}) for title, text in texts]
        pipeline.run({"split": {"documents": held}})
        asking = Pipeline()
        asking.add_component("embed", NullText())
        asking.add_component("find", InMemoryEmbeddingRetriever(store, top_k=K))
        asking.connect("embed.embedding", "find.query_embedding")

        def search(question: str) -> int:
            return len(asking.run({"embed": {"text": question}})["find"]["documents"])

        return search, store.count_documents()

    return ingest


def langchain(kind: str, folder: Path) -> Ingest:
    """RecursiveCharacterTextSplitter, and Chroma (on the disk) or FAISS (in memory)."""
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    if kind == "chroma":
        from langchain_chroma import Chroma as Store
    else:
        from langchain_community.vectorstores import FAISS as Store  # noqa: N811 - its name there

    class Null(Embeddings):
        def embed_documents(self, texts):
            return vectors(texts).tolist()

        def embed_query(self, text):
            return vectors([text])[0].tolist()

    def ingest(texts: Texts) -> tuple[Search, int]:
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=LENGTH, chunk_overlap=OVERLAP, add_start_index=True
        )
        held = [Document(page_content=text, metadata={"title": title}) for title, text in texts]
        chunks = splitter.split_documents(held)
        if kind == "chroma":
            store = Store(embedding_function=Null(), persist_directory=str(folder / "chroma"))
            for start in range(0, len(chunks), 1_000):
                store.add_documents(chunks[start : start + 1_000])
        else:
            store = Store.from_documents(chunks, Null())
        return lambda question: len(store.similarity_search(question, k=K)), len(chunks)

    return ingest


def seatrial(unit: str, mode: str, folder: Path) -> Ingest:
    """Ingestion into the embedded index, committed and published; the retriever."""
    from hashlib import sha256

    from seatrial.adapters.index.embedded import EmbeddedIndexStore
    from seatrial.rag.chunking.config import ChunkingConfig
    from seatrial.rag.chunking.making import chunker_of
    from seatrial.rag.index.reading import Scope
    from seatrial.rag.index.words import WORDS
    from seatrial.rag.ingest.ingest import Ingestion, Preparation
    from seatrial.rag.retrieval.retriever import Retriever
    from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
    from seatrial.rag.text.document import Document
    from seatrial.rag.text.language import language_of

    class Null:
        name, dimensions, max_tokens = "null", DIMENSIONS, 254
        languages = frozenset({"en"})

        @property
        def tokenizer(self):
            from seatrial.adapters.embedding.onnx import minilm

            return minilm().tokenizer

        def embed_documents(self, texts):
            return vectors(texts)

        def embed_queries(self, texts):
            return vectors(texts)

    def ingest(texts: Texts) -> tuple[Search, int]:
        embedder = Null()
        if unit == "characters":
            config = ChunkingConfig(unit="characters", length=LENGTH, overlap=OVERLAP)
        else:
            config = ChunkingConfig()
        held = [
            Document(
                id=str(number),
                text=text,
                title=title,
                source=f"{number}.txt",
                format="text",
                language=language_of(text),
                digest=sha256(text.encode()).hexdigest(),
            )
            for number, (title, text) in enumerate(texts)
        ]
        preparation = Preparation(chunker=chunker_of(config, embedder), embedder=embedder)
        store = EmbeddedIndexStore(folder / "index", WORDS)
        Ingestion(store.draft("bench", preparation.recipe), preparation).run(held)
        index = store.open("bench")
        retriever = Retriever(index, embedder, RetrievalSettings(k=K, mode=Mode(mode)))
        scope = Scope(readers=None)
        return (
            lambda question: len(retriever.search(question, scope).found),
            index.facts.n_chunks,
        )

    return ingest


FRAMEWORKS: dict[str, Callable[[Path], Ingest]] = {
    "floor": floor,
    "seatrial": partial(seatrial, "characters", "hybrid"),
    "seatrial-vectors": partial(seatrial, "characters", "dense"),
    "seatrial-tokens": partial(seatrial, "tokens", "hybrid"),
    "LlamaIndex": llamaindex,
    "Haystack": haystack,
    "LangChain + Chroma": partial(langchain, "chroma"),
    "LangChain + FAISS": partial(langchain, "faiss"),
}


def peak_mb() -> float:
    """Of this process; what `getrusage` says may be its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024


def main(name: str, folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    start = time.process_time()
    ingest = FRAMEWORKS[name](folder)
    import_s = time.process_time() - start
    texts, questions = job["documents"], job["questions"]
    start = time.process_time()
    search, n_chunks = ingest(texts)
    ingest_s = time.process_time() - start
    took = []
    for question in [*questions[:20], *questions]:
        start = time.process_time()
        n_found = search(question)
        took.append(time.process_time() - start)
        if n_found < min(K, n_chunks):
            raise SystemExit(f"{name} found {n_found} of {K}")
    figures = {
        "import_s": import_s,
        "documents_per_s": len(texts) / ingest_s,
        "question_ms": median(took[20:]) * 1e3,
        "n_chunks": n_chunks,
        "memory_mb": peak_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
