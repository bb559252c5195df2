import gzip
import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from seatrial.kernel.errors import Denied
from seatrial.serving.plane import DataPlane
from seatrial.serving.routes import PATTERNS
from seatrial.web.app import build

ROW = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
INFER = "/v2/models/churn/infer"
JSON = json.dumps(ROW).encode()
CORPUS: list[tuple[str, str, bytes, dict[str, str]]] = [
    *[
        (method, p.path.replace("{model}", model).replace("{version}", version), b"", {})
        for p in PATTERNS
        for method in ("GET", "OPTIONS", "DELETE")
        for model, version in (("churn", "1"), ("no%20pe", "x"))
    ],
    ("POST", INFER, JSON, {}),
    ("POST", INFER + "?a=%20b", JSON, {"x-request-id": "r1"}),
    ("POST", "/v2/models/%63hurn/infer", JSON, {}),
    ("POST", INFER, JSON, {"x-seatrial-version": "1"}),
    ("POST", INFER, JSON, {"x-seatrial-version": "8"}),
    ("POST", INFER, gzip.compress(JSON, mtime=0), {"content-encoding": "gzip"}),
    ("POST", INFER, b"{", {"x-request-id": "r2"}),
    ("POST", INFER, JSON, {"content-encoding": "br", "x-request-id": "r3"}),
    ("POST", INFER, bytes(200_001), {"x-request-id": "r4"}),
    ("POST", "/v1/models/churn:predict", b'{"instances":[[1,2,3]]}', {}),
    ("POST", "/invocations", b"age,income,tenure\n1,2,3\n", {"content-type": "text/csv"}),
    ("POST", "/invocations", b"<a/>", {"content-type": "text/xml", "x-request-id": "r5"}),
    ("POST", "/v2/repository/index", b"", {}),
    ("POST", "/v2/models", b"", {}),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), CORPUS)
def test_both_doors_give_the_same_answer(
    doors: tuple[Any, Any], method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    hot, plain = (
        httpx.request(method, f"http://127.0.0.1:{d.port}{path}", content=body, headers=headers)
        for d in doors
    )
    assert (hot.status_code, hot.content) == (plain.status_code, plain.content)
    ignored = {"date", "server"}
    assert {n: v for n, v in hot.headers.items() if n not in ignored} == {
        n: v for n, v in plain.headers.items() if n not in ignored
    }


def test_the_framework_is_loaded_by_the_first_request_that_needs_it() -> None:
    code = (
        "import sys; from seatrial.web.app import build; import seatrial.web.protocol;"
        "sys.exit(any(m.split('.')[0] in ('fastapi', 'starlette', 'pydantic') "
        "for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def control() -> list[APIRouter]:
    router = APIRouter(prefix="/api")

    @router.get("/thing", summary="A thing")
    def thing() -> dict[str, int]:
        return {"n": 1}

    @router.get("/denied")
    def denied() -> None:
        raise Denied("You may not.", remedy="Ask.")

    return [router]


@pytest.fixture
def client(two_models: DataPlane) -> Any:
    transport = httpx.ASGITransport(build(two_models, control))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_routers_are_served_beside_the_data_plane(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/thing")).json() == {"n": 1}
    assert (await client.get("/livez")).status_code == 200


async def test_errors_of_routers_get_the_same_body(client: httpx.AsyncClient) -> None:
    denied = await client.get("/api/denied")
    assert denied.status_code == 403
    assert denied.json() == {"error": "You may not. Ask.", "code": "seatrial.denied"}
    missing = await client.get("/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "serving.unknown_route")


async def test_the_document_holds_both_and_the_page_needs_no_other_address(
    client: httpx.AsyncClient,
) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert paths["/api/thing"]["get"]["summary"] == "A thing"
    assert INFER in paths
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert INFER in page.text
    assert "http" not in page.text


async def test_a_root_path_is_taken_off(two_models: DataPlane) -> None:
    transport = httpx.ASGITransport(build(two_models), root_path="/ml")  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/ml/livez")).status_code == 200


async def test_a_client_that_leaves_before_its_body_is_whole_gets_nothing(
    two_models: DataPlane,
) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": INFER, "headers": []}
    await build(two_models)(scope, receive, send)
    assert sent == []


async def test_startup_and_shutdown_are_acknowledged(two_models: DataPlane) -> None:
    came = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": next(came)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await build(two_models)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
