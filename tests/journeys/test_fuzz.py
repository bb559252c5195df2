"""Bodies nobody thought of, against every route of a real server: no 5xx, and no growing memory."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.testing import MemoryStore
from seatrial.web.console.pages import console_router
from seatrial.web.guard import Guard

pytestmark = [pytest.mark.integration, pytest.mark.slow]

N_WARM = 300
N_EXAMPLES = 1200
GROWTH_BYTES = 24 << 20

TYPES = ["application/json", "application/octet-stream", "text/csv", "text/plain", "",
         "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]  # fmt: skip
NAMES = ["dataframe_split", "dataframe_records", "instances", "inputs", "columns", "data", "name",
         "shape", "datatype", "parameters", "outputs", "id", "sepal_length", "binary_data_size",
         "signature_name", "reason", "by", "to"]  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["FP32", "INT64", "BYTES", "input", "iris", "NaN"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=20,
)
documents = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)
forms = st.dictionaries(
    st.sampled_from(["token", "by", "note", "hours", "match", "why", "endpoint", "kind"]),
    st.text(max_size=8),
    max_size=4,
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda v: json.dumps(v).encode(), documents),
    st.builds(lambda v: urlencode(v).encode(), forms),
)


class Routes:
    """Every route the server tells of, and a connection to ask them over."""

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        described = json.loads(self.ask("GET", "/openapi.json", b"", {})[1])
        filled = {"name": name, "model": name, "model_name": name, "version": "1"}
        filled |= {"key": "0123456789abcdef", "id": "1", "wish": "promote", "language": "zh"}
        filled |= {"file": "console.css", "column": "sepal_length", "run": "1", "other": "2"}
        self.all = sorted(
            (method.upper(), _filled(path, filled))
            for path, operations in described["paths"].items()
            for method in operations
            if method in ("get", "post", "put", "delete")
        )
        self.all += sorted(
            (method, _filled(route.path, filled))
            for route in console_routes()
            for method in route.methods
        )

    def ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def console_routes() -> Iterator[Any]:
    """The routes of the console, which the API's description leaves out."""
    store = MemoryStore()
    router = console_router(Desk(store), WatchDesk(store), Guard(token=None))
    return (route for route in router.routes if isinstance(route, APIRoute))


def _filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace("{" + name + "}", quote(value))
    assert "{" not in path, path
    return path


def test_no_body_makes_a_route_fail_or_memory_grow(home: Any, bundles: Any, lab: Any) -> None:
    home.in_production(bundles.onnx())
    up = home.up("--workers", "1")
    lab.until("the worker", lambda: home.settled(1))
    routes = Routes(up.port, lab.NAME)
    for known in (("POST", lab.PATH), ("GET", "/"), ("POST", "/console/login")):
        assert known in routes.all
    assert ("POST", f"/console/endpoints/{lab.NAME}/promote") in routes.all

    def fuzz(n: int) -> None:
        @settings(
            max_examples=n, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            route=st.sampled_from(routes.all),
            body=bodies,
            kind=st.sampled_from(TYPES),
            head=st.one_of(st.none(), st.integers(-1, 300)),
        )
        def run(route: tuple[str, str], body: bytes, kind: str, head: int | None) -> None:
            headers = {"content-type": kind, "x-seatrial-key": "somebody"}
            if head is not None:
                headers["inference-header-content-length"] = str(head)
            status, answer = routes.ask(*route, body, headers)
            assert status < 500, (route, body, headers, answer)

        run()

    fuzz(N_WARM)
    (pid,) = up.workers()
    process = psutil.Process(pid)
    before = process.memory_info().rss
    fuzz(N_EXAMPLES)
    assert process.memory_info().rss - before < GROWTH_BYTES
    assert up.workers() == [pid], "the worker died meanwhile"
    assert routes.ask("POST", lab.PATH, b'{"instances": [[5, 3, 1, 0]]}', {})[0] == 200
    assert up.stop() == 0
    lab.until("every process ended", up.gone)
