"""The routes of labels, behind their guard, over the ASGI application."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.labels.label_files import read_labels
from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.performance.label_desk import MAX_LABELS, LabelDesk
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import router_of
from seatrial.web import entrance
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.labels import labels_router
from seatrial.web.site import site
from seatrial.wiring.watching.performance import LabelFiles

PATH = "/api/endpoints/churn/labels"
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def files(tmp_path: Path) -> LabelFiles:
    return LabelFiles(tmp_path / "labels")


@pytest.fixture
def client(files: LabelFiles) -> Client:
    store = MemoryStore()
    Desk(store).start(
        "churn",
        version=1,
        digest="d" * 64,
        target="production",
        plan=ReleaseConfig().plan(),
        by="test",
        notes={},
    )

    def make(*, token: str | None = None) -> httpx.AsyncClient:
        router = labels_router(
            LabelDesk(store, files, now=SystemClock().now),
            Guard(token=token),
            lambda body, key, label: read_labels(body, id_column=key, label_column=label),
        )
        app = site(DataPlane(router_of(), error_reply, Limits()), [router])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 1))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    return make


def waiting(files: LabelFiles) -> list[tuple[str, str]]:
    with files.writing("churn") as inbox:
        return [(entry.id, entry.value) for _, entry in inbox.read()]


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "label": [1, 0]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            json.dumps([{"id": "a", "label": 1}, {"id": "b", "label": 0}]).encode(),
            "application/json",
        ),
        (b"id,label\na,1\nb,0\n", "text/csv"),
        (parquet(), "application/vnd.apache.parquet"),
    ],
)
async def test_labels_are_kept_before_the_reply(
    body: bytes, kind: str, client: Client, files: LabelFiles
) -> None:
    async with client() as http:
        reply = await http.post(PATH, content=body, headers={"content-type": kind})
    assert reply.status_code == 200, reply.text
    assert (reply.json()["n"], reply.json()["unknown"]) == (2, ["a", "b"])
    assert waiting(files) == [("a", "1"), ("b", "0")]


async def test_columns_may_be_named(client: Client, files: LabelFiles) -> None:
    async with client() as http:
        query = {"id_column": "key", "label_column": "what"}
        await http.post(PATH, content=b"key;what\na;yes\n", params=query)
    assert waiting(files) == [("a", "yes")]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PATH, b"", 400, "labels.unreadable"),
        (PATH, b'[{"id": ""}]', 400, "labels.unreadable"),
        (PATH, b'[{"id": "", "label": 1}]', 400, "monitoring.bad_labels"),
        (PATH, b"id,label\n" + b"a,1\n" * (MAX_LABELS + 1), 429, "monitoring.too_many_labels"),
        ("/api/endpoints/nowhere/labels", b"id,label\na,1\n", 404, "release.unknown_endpoint"),
    ],
)
async def test_what_is_refused_is_refused_with_a_code_and_keeps_nothing(
    path: str, body: bytes, status: int, code: str, client: Client, files: LabelFiles
) -> None:
    async with client() as http:
        reply = await http.post(path, content=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert waiting(files) == []


async def test_a_body_that_is_too_long_is_not_read_to_its_end(
    client: Client, files: LabelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "MAX_LABELS_BYTES", 100)
    n_sent = 0

    async def body() -> Any:
        nonlocal n_sent
        for _ in range(1_000):
            n_sent += 1
            yield b"x" * 10

    async with client() as http:
        reply = await http.post(PATH, content=body())
    assert (reply.status_code, reply.json()["code"]) == (413, "serving.body_too_large")
    assert n_sent < 1_000


async def test_strangers_may_neither_hand_in_nor_look(client: Client, files: LabelFiles) -> None:
    async with client(token="secret") as http:
        replies = [await http.post(PATH, content=b"id,label\na,1\n"), await http.get(PATH)]
        allowed = await http.get(PATH, headers={"authorization": "Bearer secret"})
    assert {reply.status_code for reply in replies} <= {401, 403}
    assert allowed.json() == {
        "endpoint": "churn",
        "n_waiting": 0,
        "n_unknown": 0,
        "versions": {},
    }
    assert waiting(files) == []
