"""A server that holds what Weaviate publishes of its API, for its official client.

Schema over REST; search, batches and deletion over gRPC, by the messages that the client brings.
A filter on a property that the schema lacks is refused, as Weaviate does.
"""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
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
_WORDS = re.compile(r"\w+")


class Shelf:
    """Collections: their schemas, and their objects by id."""

    def __init__(self) -> None:
        self.schemas: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, dict[str, tuple[dict[str, Any], np.ndarray]]] = {}


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
        rows = self.shelf.objects[request.collection]
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
        elif request.HasField("bm25_search"):
            assert list(request.bm25_search.properties) == ["body"]
            words = _WORDS.findall(request.bm25_search.query.lower())
            for key, held, _ in chosen:
                said = _WORDS.findall(held["body"].lower())
                scores[key] = sum(said.count(word) / len(said) for word in words if word in said)
            chosen = [one for one in chosen if scores[one[0]] > 0]
            chosen.sort(key=lambda one: -scores[one[0]])
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

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        if self.path == "/v1/meta":
            self._reply(200, {"version": "1.34.0", "modules": {}, "hostname": "double"})
            return
        name = self.path.rpartition("/")[2]
        schema = self.shelf.schemas.get(name)
        self._reply(404 if schema is None else 200, schema or {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
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
def running() -> Iterator[tuple[str, int]]:
    """The server on free ports of loopback: the address of REST, and the port of gRPC."""
    shelf = Shelf()
    remote = grpc.server(ThreadPoolExecutor(4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(Service(shelf), remote)
    port = remote.add_insecure_port("127.0.0.1:0")
    remote.start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shelf": shelf}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        remote.stop(None).wait()
