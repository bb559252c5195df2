"""A server that holds what Pinecone publishes of its data plane, for its official client.

Vectors by namespace; upsert, query, fetch, list and delete over HTTP; the operators of filters;
log sequence numbers. A write shows only in the second read after it, as Pinecone may be late, too.

Sparse values beside dense ones are weighed by their dot product. Which indexes take them is as the
client's notes on API 2026-07 say: an index that was made before takes them whatever its metric, and
is asked by them where that is dotproduct; one that was made since takes none.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

_COMPARED = {
    "$gt": lambda held, bound: held > bound,
    "$gte": lambda held, bound: held >= bound,
    "$lt": lambda held, bound: held < bound,
    "$lte": lambda held, bound: held <= bound,
}


_NO_SPARSE = (
    "Index configuration does not support sparse values - only indexes that are sparse or using "
    "dotproduct are supported"
)
_MOST_SPARSE = 1_000
"""Pinecone's pages name 1,000 in one place and 2,048 in another."""


class Shelf:
    """The vectors there are, and those that are shown.

    Args:
        has_schema: whether the index was made by API 2026-07 or later.
    """

    def __init__(self, dimensions: int, metric: str, *, has_schema: bool) -> None:
        self.dimensions, self.metric, self.has_schema = dimensions, metric, has_schema
        self.lock = threading.Lock()
        self.written: dict[str, dict[str, dict[str, Any]]] = {}
        self.shown: dict[str, dict[str, dict[str, Any]]] = {}
        self.lsn = self.shown_lsn = 0

    def caught_up(self) -> tuple[dict[str, dict[str, dict[str, Any]]], int]:
        """What a read sees; the next one sees more."""
        with self.lock:
            seen = self.shown, self.shown_lsn
            self.shown = {name: dict(rows) for name, rows in self.written.items()}
            self.shown_lsn = self.lsn
            return seen


def matches(held: dict[str, Any], condition: dict[str, Any]) -> bool:
    """Whether metadata satisfies a filter, as Pinecone documents its operators."""
    for name, wanted in condition.items():
        if name == "$and":
            found = all(matches(held, part) for part in wanted)
        elif name == "$or":
            found = any(matches(held, part) for part in wanted)
        else:
            tests = wanted if isinstance(wanted, dict) else {"$eq": wanted}
            found = all(_holds(held.get(name), sign, bound) for sign, bound in tests.items())
        if not found:
            return False
    return True


def _holds(held: Any, sign: str, bound: Any) -> bool:
    if sign == "$exists":
        return (held is not None) is bound
    if held is None:
        return False
    several = held if isinstance(held, list) else [held]
    if sign in {"$eq", "$in"}:
        wanted = bound if sign == "$in" else [bound]
        return any(_same(one, other) for one in several for other in wanted)
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        raise ValueError(f"{sign} must be followed by a number")
    return any(
        isinstance(one, int | float) and not isinstance(one, bool) and _COMPARED[sign](one, bound)
        for one in several
    )


def complaint_of(sparse: dict[str, Any]) -> str | None:
    """What Pinecone finds wrong with sparse values; None: nothing."""
    indices, values = sparse["indices"], sparse["values"]
    if not indices:
        return "Sparse vector must contain at least one value"
    if len(indices) != len(values):
        return "Sparse vector must have as many indices as values"
    if len(set(indices)) < len(indices):
        return "Sparse vector contains duplicate indices"
    if len(indices) > _MOST_SPARSE:
        return f"Sparse vector size {len(indices)} exceeds the maximum of {_MOST_SPARSE}"
    if any(not isinstance(one, int) or not 0 <= one < 2**32 for one in indices):
        return "Sparse vector indices must be unsigned integers of 32 bits"
    if not np.isfinite(values).all() or not all(values):
        return "Sparse vector values must be finite and not 0"
    return None


def _dot(held: dict[str, Any], asked: dict[str, Any]) -> float:
    """Of an upserted vector and a query, dense and sparse."""
    dense = float(np.dot(held["values"], asked["vector"]))
    if "sparseValues" not in held or "sparseVector" not in asked:
        return dense
    known = dict(zip(held["sparseValues"]["indices"], held["sparseValues"]["values"], strict=True))
    sparse = asked["sparseVector"]
    weighed = zip(sparse["indices"], sparse["values"], strict=True)
    return dense + sum(value * known.get(index, 0.0) for index, value in weighed)


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class _Handler(BaseHTTPRequestHandler):
    shelf: Shelf

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(length))
        assert length <= 2 * 1024 * 1024, f"{length} bytes are more than a request may have"
        space = body.get("namespace", "")
        if self.headers.get("api-key") != "secret":
            self._reply(401, {"code": 16, "message": "Invalid API Key", "details": []})
        elif self.path == "/vectors/upsert":
            self._upsert(space, body["vectors"])
        elif self.path == "/vectors/delete":
            self._delete(space, body)
        elif self.path == "/query":
            self._query(space, body)
        elif self.path == "/describe_index_stats":
            told = {"dimension": self.shelf.dimensions, "metric": self.shelf.metric}
            self._reply(200, told | {"vectorType": "dense", "namespaces": {}})
        else:
            self._reply(404, {"code": 5, "message": "unknown", "details": []})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        space = asked.get("namespace", [""])[0]
        if self.headers.get("api-key") != "secret":
            self._reply(401, {"code": 16, "message": "Invalid API Key", "details": []})
            return
        rows, _ = self.shelf.caught_up()
        held = rows.get(space, {})
        if parts.path == "/vectors/fetch":
            found = {key: held[key] for key in asked["ids"] if key in held}
            self._reply(200, {"vectors": found, "namespace": space})
            return
        limit, after = int(asked.get("limit", ["100"])[0]), asked.get("paginationToken", [""])[0]
        keys = [key for key in sorted(held) if key > after]
        page: dict[str, Any] = {
            "vectors": [{"id": key} for key in keys[:limit]],
            "namespace": space,
        }
        if len(keys) > limit:
            page["pagination"] = {"next": keys[limit - 1]}
        self._reply(200, page)

    def _upsert(self, space: str, vectors: list[dict[str, Any]]) -> None:
        for one in vectors:
            if message := self._refusal(one["values"], one.get("sparseValues")):
                self._reply(400, {"code": 3, "message": message, "details": []})
                return
            for value in one.get("metadata", {}).values():
                texts = isinstance(value, list) and all(isinstance(v, str) for v in value)
                assert texts or isinstance(value, str | int | float | bool), value
            assert len(json.dumps(one.get("metadata", {}))) <= 40 * 1024
        with self.shelf.lock:
            self.shelf.written.setdefault(space, {}).update({one["id"]: one for one in vectors})
            self.shelf.lsn += 1
            lsn = self.shelf.lsn
        self._reply(200, {"upsertedCount": len(vectors)}, wrote=lsn)

    def _refusal(self, values: list[float], sparse: dict[str, Any] | None) -> str | None:
        if len(values) != self.shelf.dimensions:
            return f"Vector dimension {len(values)} does not match the dimension"
        if sparse is None:
            return None
        return _NO_SPARSE if self.shelf.has_schema else complaint_of(sparse)

    def _delete(self, space: str, body: dict[str, Any]) -> None:
        with self.shelf.lock:
            held = self.shelf.written.get(space)
            if held is None:
                self._reply(404, {"code": 5, "message": "Namespace not found", "details": []})
                return
            for key in list(held) if body.get("deleteAll") else body["ids"]:
                held.pop(key, None)
            self.shelf.lsn += 1
        self._reply(200, {}, wrote=self.shelf.lsn)

    def _query(self, space: str, body: dict[str, Any]) -> None:
        rows, lsn = self.shelf.caught_up()
        assert 1 <= body["topK"] <= 10_000
        sparse = body.get("sparseVector")
        message = self._refusal(body["vector"], sparse)
        if sparse is not None and self.shelf.metric != "dotproduct":
            message = _NO_SPARSE
        if message:
            self._reply(400, {"code": 3, "message": message, "details": []})
            return
        try:
            chosen = [
                one
                for one in rows.get(space, {}).values()
                if matches(one.get("metadata", {}), body.get("filter") or {})
            ]
        except ValueError as error:
            self._reply(400, {"code": 3, "message": str(error), "details": []})
            return
        scored = sorted(((_dot(one, body), one) for one in chosen), key=lambda two: -two[0])
        found = [
            {"id": one["id"], "score": score}
            | ({"metadata": one["metadata"]} if body.get("includeMetadata") else {})
            for score, one in scored[: body["topK"]]
        ]
        self._reply(200, {"matches": found, "namespace": space}, seen=lsn)

    def _reply(
        self, status: int, body: object, *, wrote: int | None = None, seen: int | None = None
    ) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if wrote is not None:
            self.send_header("x-pinecone-lsn-committed", str(wrote))
        if seen is not None:
            self.send_header("x-pinecone-lsn-reconciled", str(seen))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running(
    dimensions: int, metric: str = "dotproduct", *, has_schema: bool = False
) -> Iterator[str]:
    """The server on a free port of loopback; its address.   Args: see `Shelf`."""
    shelf = Shelf(dimensions, metric, has_schema=has_schema)
    handler = type("Handler", (_Handler,), {"shelf": shelf})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
