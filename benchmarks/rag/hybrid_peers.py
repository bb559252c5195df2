"""Hybrid search of other libraries with their defaults, run in an interpreter that has them.

python hybrid_peers.py PEER FOLDER     reads the job in FOLDER, prints rankings and CPU seconds

Every one gets the same texts and vectors and is asked for k results; what it does with them is its
own default. Requirements of the interpreter are in `REQUIREMENTS`.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

REQUIREMENTS = (
    "bm25s==0.3.16",
    "haystack-ai==3.4.1",
    "langchain-classic==1.0.8",
    "langchain-community==0.4.2",
    "llama-index-core==0.14.25",
    "llama-index-retrievers-bm25==0.8.0",
    "PyStemmer==2.2.0.3",
    "rank_bm25==0.2.2",
)


def bm25s_alone(texts, questions, documents, queries, k):
    """bm25s with its English stop words and Snowball stems: words only."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    tokens = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)
    model = bm25s.BM25()
    model.index(tokens, show_progress=False)

    def search(question, vector):
        asked = bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False)
        return model.retrieve(asked, k=k, show_progress=False)[0][0].tolist()

    return search


def langchain(texts, questions, documents, queries, k):
    """EnsembleRetriever: BM25Retriever (rank_bm25, split at white space) and a vector store, by
    reciprocal ranks, weights one half, c 60."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    given = dict(zip(questions, queries.tolist(), strict=True))

    class Given(Embeddings):
        def embed_documents(self, texts):
            return documents.tolist()

        def embed_query(self, text):
            return given[text]

    rows = [{"row": row} for row in range(len(texts))]
    store = InMemoryVectorStore(Given())
    store.add_texts(texts, rows)
    words = BM25Retriever.from_texts(texts, rows, k=k)
    both = EnsembleRetriever(
        retrievers=[words, store.as_retriever(search_kwargs={"k": k})], weights=[0.5, 0.5]
    )
    return lambda question, vector: [hit.metadata["row"] for hit in both.invoke(question)][:k]


def llamaindex(texts, questions, documents, queries, k):
    """QueryFusionRetriever in its mode reciprocal_rerank over a vector index and BM25Retriever."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.schema import TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    given = dict(zip(questions, queries.tolist(), strict=True))

    class Given(BaseEmbedding):
        def _get_text_embedding(self, text):
            raise NotImplementedError

        def _get_query_embedding(self, query):
            return given[query]

        async def _aget_query_embedding(self, query):
            return given[query]

    nodes = [
        TextNode(id_=str(row), text=text, embedding=vector)
        for row, (text, vector) in enumerate(zip(texts, documents.tolist(), strict=True))
    ]
    index = VectorStoreIndex(nodes, embed_model=Given())
    words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=k)
    both = QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=k), words],
        llm=MockLLM(),
        similarity_top_k=k,
        num_queries=1,
        mode="reciprocal_rerank",
        use_async=False,
    )
    return lambda question, vector: [int(hit.node.node_id) for hit in both.retrieve(question)]


def haystack(texts, questions, documents, queries, k):
    """InMemoryBM25Retriever and InMemoryEmbeddingRetriever, joined by reciprocal ranks."""
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(
        [
            Document(id=str(row), content=text, embedding=vector)
            for row, (text, vector) in enumerate(zip(texts, documents.tolist(), strict=True))
        ]
    )
    words = InMemoryBM25Retriever(store, top_k=k)
    vectors = InMemoryEmbeddingRetriever(store, top_k=k)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=k)

    def search(question, vector):
        legs = [
            words.run(query=question)["documents"],
            vectors.run(query_embedding=vector.tolist())["documents"],
        ]
        return [int(hit.id) for hit in joiner.run(documents=legs)["documents"]]

    return search


PEERS = {
    "bm25s": bm25s_alone,
    "LangChain": langchain,
    "LlamaIndex": llamaindex,
    "Haystack": haystack,
}


def main():
    """Build, ask every question, print one line of JSON."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    job = json.loads((folder / "job.json").read_text())
    vectors = np.load(folder / "vectors.npz")
    documents, queries = vectors["documents"], vectors["queries"]
    search = PEERS[name](job["texts"], job["questions"], documents, queries, job["k"])
    start = time.process_time()
    rankings = [
        search(question, vector) for question, vector in zip(job["questions"], queries, strict=True)
    ]
    seconds = time.process_time() - start
    print(json.dumps({"name": name, "rankings": rankings, "seconds": seconds}))


if __name__ == "__main__":
    main()
