"""Stores of vectors beside ours, each asked in an environment of its own.

    python store_peers.py NAME FOLDER, with vectors.npy and queries.npy in the folder

Prints one JSON line: CPU seconds to build, median CPU milliseconds of a search for 10, what was
found of the true 10, the same within a filter that lets one of a hundred through, and memory taken.
Uses nothing of seatrial. Settings are the defaults, with an index on the field that is filtered by
where the store has one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

N_GROUPS = 100
K = 10
BATCH = 1_000
Search = Callable[[Any, "int | None"], Sequence[int]]


def numpy_floor(vectors: Any, folder: Path) -> Search:
    groups = np.arange(len(vectors)) % N_GROUPS
    rows = [np.flatnonzero(groups == group) for group in range(N_GROUPS)]

    def search(query: Any, group: int | None) -> Sequence[int]:
        scores = vectors @ query if group is None else vectors[rows[group]] @ query
        best = np.argpartition(-scores, K)[:K]
        return (best if group is None else rows[group][best]).tolist()

    return search


def qdrant_edge(vectors: Any, folder: Path) -> Search:
    import qdrant_edge as q

    place = folder / "qdrant"
    place.mkdir()
    size = vectors.shape[1]
    parameters = q.EdgeVectorParams(size=size, distance=q.Distance.Cosine)
    shard = q.EdgeShard.create(str(place), q.EdgeConfig(vectors=parameters))
    shard.update(q.UpdateOperation.create_field_index("n", q.PayloadSchemaType.Integer))
    for start in range(0, len(vectors), BATCH):
        points = [
            q.Point(id=row, vector=vectors[row].tolist(), payload={"n": row % N_GROUPS})
            for row in range(start, min(start + BATCH, len(vectors)))
        ]
        shard.update(q.UpdateOperation.upsert_points(points))
    shard.flush()
    shard.optimize()

    def search(query: Any, group: int | None) -> Sequence[int]:
        where = None
        if group is not None:
            where = q.Filter(must=[q.FieldCondition("n", match=q.MatchValue(group))])
        asked = q.QueryRequest(
            limit=K, query=q.Query.Nearest(query.tolist()), filter=where, with_payload=False
        )
        return [int(point.id) for point in shard.query(asked)]

    return search


def chroma(vectors: Any, folder: Path) -> Search:
    import chromadb

    client = chromadb.PersistentClient(
        str(folder / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    kept = client.create_collection("bench", metadata={"hnsw:space": "cosine"})
    for start in range(0, len(vectors), BATCH):
        rows = range(start, min(start + BATCH, len(vectors)))
        kept.add(
            ids=[str(row) for row in rows],
            embeddings=vectors[start : start + BATCH],
            metadatas=[{"n": row % N_GROUPS} for row in rows],
        )

    def search(query: Any, group: int | None) -> Sequence[int]:
        where = None if group is None else {"n": group}
        found = kept.query(query_embeddings=[query], n_results=K, where=where, include=[])
        return [int(one) for one in found["ids"][0]]

    return search


def lancedb(vectors: Any, folder: Path) -> Search:
    import lancedb
    import pyarrow as pa

    base = lancedb.connect(str(folder / "lance"))
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    row = pa.array(np.arange(len(vectors)))
    group = pa.array(np.arange(len(vectors)) % N_GROUPS)
    table = base.create_table("t", pa.table({"vector": flat, "row": row, "n": group}))
    table.create_scalar_index("n")

    def search(query: Any, group: int | None) -> Sequence[int]:
        asked = table.search(query).distance_type("cosine").select(["row"]).limit(K)
        if group is not None:
            asked = asked.where(f"n = {group}", prefilter=True)
        return [int(one) for one in asked.to_arrow()["row"].to_pylist()]

    return search


def faiss_index(kind: str, vectors: Any, folder: Path) -> Search:
    """The filter is a selector of ids, applied while searching; kept by `write_index`."""
    import faiss

    size = vectors.shape[1]
    if kind == "flat":
        index = faiss.IndexFlatIP(size)
    else:
        index = faiss.IndexHNSWFlat(size, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 64
    index.add(vectors)
    faiss.write_index(index, str(folder / "faiss"))
    groups = np.arange(len(vectors)) % N_GROUPS
    selectors = [faiss.IDSelectorBatch(np.flatnonzero(groups == n)) for n in range(N_GROUPS)]

    def within(group: int) -> Any:
        if kind == "flat":
            return faiss.SearchParameters(sel=selectors[group])
        return faiss.SearchParametersHNSW(sel=selectors[group], efSearch=64)

    parameters = [within(group) for group in range(N_GROUPS)]

    def search(query: Any, group: int | None) -> Sequence[int]:
        chosen = None if group is None else parameters[group]
        return index.search(query[None], K, params=chosen)[1][0].tolist()

    return search


STORES = {
    "numpy": numpy_floor,
    "qdrant-edge": qdrant_edge,
    "chroma": chroma,
    "lancedb": lancedb,
    "faiss-flat": partial(faiss_index, "flat"),
    "faiss-hnsw": partial(faiss_index, "hnsw"),
}


def asked(search: Search, vectors: Any, queries: Any, *, within: bool) -> tuple[float, float]:
    """Median CPU milliseconds of a search, and the share of the true ones that it finds."""
    took, rows = [], []
    for number, query in enumerate(queries):
        start = time.process_time()
        rows.append(search(query, number % N_GROUPS if within else None))
        took.append(time.process_time() - start)
    found = 0
    for number, query in enumerate(queries):  # apart, for it reads all vectors
        scores = vectors @ query
        if within:
            inside = np.zeros(len(vectors), bool)
            inside[number % N_GROUPS :: N_GROUPS] = True
            scores[~inside] = -2
        found += len({*rows[number]} & {*np.argpartition(-scores, K)[:K].tolist()})
    return float(np.median(took)) * 1e3, found / (K * len(queries))


def main(name: str, folder: Path) -> None:
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    search = STORES[name](vectors, folder)
    build_s = time.process_time() - start
    search(queries[0], None)
    search(queries[0], 0)
    query_ms, recall = asked(search, vectors, queries, within=False)
    within_ms, within_recall = asked(search, vectors, queries, within=True)
    taken = (psutil.Process().memory_info().rss - before) / 2**20
    print(
        json.dumps(
            {
                "build_s": build_s,
                "query_ms": query_ms,
                "recall": recall,
                "within_ms": within_ms,
                "within_recall": within_recall,
                "memory_mb": taken,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
