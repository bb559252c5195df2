"""A server that holds what Weaviate publishes of its API, for its official client.

Schema over REST; search, batches and deletion over gRPC, by the messages that the client brings.
A filter on a property that the schema lacks is refused, as Weaviate does, and so is a hybrid search
by words of a property that is not there or has no index of words.
"""

from __future__ import annotations

import json
import math
import re
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from uuid import UUID

import grpc
import numpy as np
from weaviate.proto.v1 import (
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

OP = base_pb2.Filters.Operator
_HNSW = {
    "cleanupIntervalSeconds": 300,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "ef": -1,
    "efConstruction": 128,
    "filterStrategy": "sweeping",
    "flatSearchCutoff": 40_000,
    "maxConnections": 32,
    "skip": False,
    "vectorCacheMaxObjects": 10**12,
}
_SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
"""What Go calls spaces: tokens by ``whitespace`` are what stands between, as it is."""

_LEG = 100
"""So many of each kind a hybrid search looks at, where no more are asked for."""


Rows: TypeAlias = dict[str, tuple[dict[str, Any], np.ndarray]]


class Shelf:
    """Collections: their schemas, and their objects by id.

    Args: is_fixed: whether who asks may not add properties.
    """

    def __init__(self, *, is_fixed: bool) -> None:
        self.is_fixed = is_fixed
        self.schemas: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, Rows] = {}


class Refused(Exception):
    """What Weaviate would refuse."""


def vector_of(one: Any) -> np.ndarray:
    """The vector of an object or a search."""
    data = one.vectors[0].vector_bytes if one.vectors else one.vector_bytes
    return np.array(struct.unpack(f"<{len(data) // 4}f", data), np.float32)


def holds(held: dict[str, Any], key: str, asked: Any, schema: dict[str, Any]) -> bool:
    """Whether an object satisfies a filter."""
    if asked.operator in (OP.OPERATOR_AND, OP.OPERATOR_OR):
        parts = [holds(held, key, part, schema) for part in asked.filters]
        return all(parts) if asked.operator == OP.OPERATOR_AND else any(parts)
    name = asked.target.property
    which = asked.WhichOneof("test_value")
    wanted = getattr(asked, which)
    values = list(wanted.values) if which.endswith("_array") else [wanted]
    if name == "_id":
        return key in values
    kinds = {one["name"]: one["dataType"][0] for one in schema["properties"]}
    if name not in kinds:
        raise Refused(f"no such prop with name '{name}' found in class")
    if kinds[name] in ("text", "text[]"):
        tokens = next(one for one in schema["properties"] if one["name"] == name)["tokenization"]
        assert tokens == "field", f"{name} is compared by {tokens}"
    value = held.get(name)
    if value is None:
        return False
    several = value if isinstance(value, list) else [value]
    match asked.operator:
        case OP.OPERATOR_EQUAL | OP.OPERATOR_CONTAINS_ANY:
            return any(one in values for one in several)
        case OP.OPERATOR_GREATER_THAN:
            return value > values[0]
        case OP.OPERATOR_GREATER_THAN_EQUAL:
            return value >= values[0]
        case OP.OPERATOR_LESS_THAN:
            return value < values[0]
        case OP.OPERATOR_LESS_THAN_EQUAL:
            return value <= values[0]
    raise Refused(f"operator {asked.operator}")


def tokens(text: str) -> list[str]:
    """The tokens of a property that is cut at spaces."""
    return [word for word in _SPACES.split(text) if word]


def matched(rows: Rows, query: str, name: str) -> dict[str, float]:
    """The scores by BM25 of all objects that hold a word of a query; k1 and b as by default."""
    texts = {key: tokens(held.get(name, "")) for key, (held, _) in rows.items()}
    mean = sum(map(len, texts.values())) / max(len(texts), 1) or 1.0
    scores: Counter[str] = Counter()
    for word, times in Counter(tokens(query)).items():
        counts = {key: held.count(word) for key, held in texts.items() if word in held}
        idf = math.log(1 + (len(rows) - len(counts) + 0.5) / (len(counts) + 0.5))
        for key, n in counts.items():
            length = 1.2 * (0.25 + 0.75 * len(texts[key]) / mean)
            scores[key] += times * idf * n / (n + length)
    return dict(scores)


def relative(scores: dict[str, float], weight: float) -> dict[str, float]:
    """The scores of one kind as relativeScoreFusion adds them: from 0 to the weight; the weight,
    where all are alike."""
    if not scores:
        return {}
    least, spread = min(scores.values()), max(scores.values()) - min(scores.values())
    return {key: weight * ((s - least) / spread if spread else 1.0) for key, s in scores.items()}


def fused(rows: Rows, chosen: set[str], asked: Any, limit: int, schema: Any) -> dict[str, float]:
    """What a hybrid search finds among the chosen, with its scores.   Raises: Refused."""
    alpha = asked.alpha_param if asked.use_alpha_param else asked.alpha
    if not 0 <= alpha <= 1:
        raise Refused("alpha should be between 0.0 and 1.0")
    assert asked.fusion_type == asked.FUSION_TYPE_RELATIVE_SCORE
    legs: list[dict[str, float]] = []
    if alpha > 0:
        vector = np.frombuffer(asked.vector_bytes, "<f4")
        cosines = {key: float(rows[key][1] @ vector) for key in chosen}
        legs.append(relative(best(cosines, max(limit, _LEG)), alpha))
    if alpha < 1:
        (name,) = asked.properties
        prop = next((one for one in schema["properties"] if one["name"] == name), None)
        if prop is None or not prop["indexSearchable"]:
            raise Refused(f"Searching by property '{name}' requires inverted index.")
        assert prop["tokenization"] == "whitespace"
        found = matched(rows, asked.query, name)
        kept = {key: score for key, score in found.items() if key in chosen}
        legs.append(relative(best(kept, max(limit, _LEG)), 1 - alpha))
    total: Counter[str] = Counter()
    for leg in legs:
        for key, score in leg.items():
            total[key] += score
    return best(dict(total), limit)


def best(scores: dict[str, float], n: int) -> dict[str, float]:
    """The n best, the best first."""
    return dict(sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:n])


def completed(prop: dict[str, Any]) -> dict[str, Any]:
    """A property with what the server adds to what was not said."""
    is_text = prop["dataType"][0] in ("text", "text[]")
    usual = {"indexFilterable": True, "indexSearchable": is_text, "indexRangeFilters": False}
    return usual | ({"tokenization": "word"} if is_text else {}) | prop


class Service(weaviate_pb2_grpc.WeaviateServicer):
    """The part over gRPC."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def BatchObjects(self, request: Any, context: Any) -> Any:
        for one in request.objects:
            held: dict[str, Any] = dict(one.properties.non_ref_properties.items())
            for texts in one.properties.text_array_properties:
                held[texts.prop_name] = list(texts.values)
            kinds = {p["name"] for p in self.shelf.schemas[one.collection]["properties"]}
            assert set(held) <= kinds, set(held) - kinds
            self.shelf.objects[one.collection][one.uuid] = (held, vector_of(one))
        return batch_pb2.BatchObjectsReply(took=0.0)

    def BatchDelete(self, request: Any, context: Any) -> Any:
        rows, schema = (
            self.shelf.objects[request.collection],
            self.shelf.schemas[request.collection],
        )
        gone = [key for key, (held, _) in rows.items() if holds(held, key, request.filters, schema)]
        for key in gone:
            del rows[key]
        return batch_delete_pb2.BatchDeleteReply(
            took=0.0, failed=0, matches=len(gone), successful=len(gone)
        )

    def Search(self, request: Any, context: Any) -> Any:
        rows = dict(self.shelf.objects[request.collection])
        schema = self.shelf.schemas[request.collection]
        try:
            chosen = [
                (key, held, vector)
                for key, (held, vector) in sorted(rows.items())
                if not request.HasField("filters") or holds(held, key, request.filters, schema)
            ]
        except Refused as refused:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))
        scores: dict[str, float] = {}
        if request.HasField("near_vector"):
            near = request.near_vector
            asked = (
                vector_of(near.vector_for_targets[0])
                if near.vector_for_targets
                else vector_of(near)
            )
            scores = {key: 1 - float(vector @ asked) for key, _, vector in chosen}
            chosen.sort(key=lambda one: scores[one[0]])
        elif request.HasField("hybrid_search"):
            among = {key for key, _, _ in chosen}
            try:
                scores = fused(rows, among, request.hybrid_search, request.limit or 10, schema)
            except Refused as refused:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))
            chosen = [(key, *rows[key]) for key in scores]
        elif request.after:
            chosen = [one for one in chosen if one[0] > request.after]
        limit = request.limit or 10
        assert limit <= 10_000
        results = [self._result(request, one, scores) for one in chosen[:limit]]
        return search_get_pb2.SearchReply(took=0.0, results=results)

    def _result(self, request: Any, one: Any, scores: dict[str, float]) -> Any:
        key, held, vector = one
        told = search_get_pb2.MetadataResult(id=key, id_as_bytes=UUID(key).bytes)
        if request.metadata.vector or request.metadata.vectors:
            told.vector_bytes = vector.tobytes()
            told.vectors.append(base_pb2.Vectors(name="default", vector_bytes=vector.tobytes()))
        if key in scores and request.HasField("near_vector"):
            told.distance, told.distance_present = scores[key], True
        elif key in scores:
            told.score, told.score_present = scores[key], True
        asked = request.properties.non_ref_properties
        fields = {
            name: properties_pb2.Value(text_value=held[name]) for name in asked if name in held
        }
        return search_get_pb2.SearchResult(
            metadata=told,
            properties=search_get_pb2.PropertiesResult(
                non_ref_props=properties_pb2.Properties(fields=fields),
                target_collection=request.collection,
            ),
        )


class _Handler(BaseHTTPRequestHandler):
    shelf: Shelf
    version: str

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        if self.path == "/v1/meta":
            self._reply(200, {"version": self.version, "modules": {}, "hostname": "double"})
            return
        name = self.path.rpartition("/")[2]
        schema = self.shelf.schemas.get(name)
        self._reply(404 if schema is None else 200, schema or {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/properties") and self.shelf.is_fixed:
            self._reply(403, {"error": [{"message": "rbac: forbidden: update_collections"}]})
            return
        if self.path.endswith("/properties"):
            self.shelf.schemas[self.path.split("/")[-2]]["properties"].append(completed(body))
        else:
            self.shelf.schemas[body["class"]] = body | {
                "invertedIndexConfig": {
                    "bm25": {"b": 0.75, "k1": 1.2},
                    "cleanupIntervalSeconds": 60,
                    "stopwords": {"preset": "en", "additions": None, "removals": None},
                },
                "multiTenancyConfig": {"enabled": False},
                "replicationConfig": {"factor": 1},
                "shardingConfig": {},
            }
            for config in body["vectorConfig"].values():
                assert config["vectorIndexConfig"]["distance"] == "cosine"
                config["vectorIndexConfig"] = _HNSW | config["vectorIndexConfig"]
            body["properties"] = [completed(one) for one in body["properties"]]
            self.shelf.schemas[body["class"]]["properties"] = body["properties"]
            self.shelf.objects[body["class"]] = {}
        self._reply(200, body)

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        self.shelf.schemas.pop(name, None)
        self.shelf.objects.pop(name, None)
        self._reply(200, None)

    def _reply(self, status: int, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running(version: str = "1.34.0", *, is_fixed: bool = False) -> Iterator[tuple[str, int]]:
    """The server on free ports of loopback: the address of REST, and the port of gRPC.

    Args:
        version: that it says it is: the client asks newer ones by other fields.
        is_fixed: see `Shelf`.
    """
    shelf = Shelf(is_fixed=is_fixed)
    remote = grpc.server(ThreadPoolExecutor(4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(Service(shelf), remote)
    port = remote.add_insecure_port("127.0.0.1:0")
    remote.start()
    handler = type("Handler", (_Handler,), {"shelf": shelf, "version": version})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        remote.stop(None).wait()
