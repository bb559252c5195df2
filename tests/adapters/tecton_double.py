"""Tecton's feature server as its HTTP API 1.0 describes it, strict about what it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

KEY = "key-of-tests"
SERVICE = {
    "featureServiceType": "DEFAULT",
    "inputJoinKeys": [
        {"name": "user_id", "dataType": {"type": "int64"}},
        {"name": "shop", "dataType": {"type": "string"}},
    ],
    "featureValues": [
        {"name": "stats.count", "dataType": {"type": "int64"}},
        {"name": "stats.average", "dataType": {"type": "float64"}},
        {"name": "stats.city", "dataType": {"type": "string"}},
        {"name": "stats.active", "dataType": {"type": "boolean"}},
        {"name": "stats.recent", "dataType": {"type": "array"}},
        {"name": "live.ratio", "dataType": {"type": "float64"}},
    ],
}


class Tecton:
    """What the server holds: rows by user, and what it was asked."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.paths: list[str] = []
        self.connections: set[tuple[str, int]] = set()
        self.down = False
        self.url = ""

    def put(self, user: int, shop: str, effective: str, **values: Any) -> None:
        """Values by feature, with ``_`` in the place of the dot; int64 as decimal text."""
        row = {name.replace("_", ".", 1): value for name, value in values.items()}
        self.rows[str(user), shop] = {"time": effective, "values": row}

    def answer(self, path: str, key: str | None, body: Any) -> tuple[int, Any]:
        if self.down:
            return 503, {"error": "overloaded", "code": 14, "message": "overloaded"}
        if key != f"Tecton-key {KEY}":
            return 401, {"error": "invalid", "code": 16, "message": "Invalid API key"}
        params = body["params"]
        if params["workspaceName"] != "prod" or params["featureServiceName"] != "activity":
            return 404, {"error": "no", "code": 5, "message": "Unable to query FeatureService"}
        if path == "/api/v1/feature-service/metadata":
            return 200, SERVICE
        if path != "/api/v1/feature-service/get-features":
            return 404, {"error": "no", "code": 5, "message": "Not Found"}
        keys = params["joinKeyMap"]
        if set(keys) != {"user_id", "shop"} or not all(isinstance(v, str) for v in keys.values()):
            return 400, {"error": "bad", "code": 3, "message": "Missing required join key"}
        return 200, self._features(self.rows.get((keys["user_id"], keys["shop"])), params)

    def _features(self, row: dict[str, Any] | None, params: Any) -> Any:
        values, told = [], []
        options = params["metadataOptions"]
        for feature in SERVICE["featureValues"]:
            name = feature["name"]
            there = row is not None and name in row["values"]
            values.append(row["values"][name] if row and there else None)
            one: dict[str, Any] = {}
            if options.get("includeNames"):
                one["name"] = name
            if options.get("includeServingStatus"):
                one["status"] = "PRESENT" if there else "MISSING_DATA"
            if options.get("includeEffectiveTimes") and there and not name.startswith("live."):
                one["effectiveTime"] = row["time"] if row else None
            told.append(one)
        return {"result": {"features": values}, "metadata": {"features": told}}


@contextmanager
def running(tecton: Tecton) -> Iterator[Tecton]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            tecton.paths.append(self.path)
            tecton.connections.add(self.client_address)
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = tecton.answer(
                self.path, self.headers["Authorization"], json.loads(raw)
            )
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    tecton.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield tecton
    finally:
        server.shutdown()
        server.server_close()
