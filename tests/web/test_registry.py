"""The routes of registries, behind their guard, over the ASGI application."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from seatrial.registry.offers import OwnRegistry
from seatrial.registry.webhook import DELIVERY, SIGNATURE, TIMESTAMP, signature_of
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import FakeClock, MemoryStore
from seatrial.testing.models import router_of
from seatrial.training.following.config import RegistryConfig
from seatrial.training.following.desk import RegistryDesk
from seatrial.training.following.nudges import PREFIX, Nudges
from seatrial.web import entrance
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.registry import registry_router, webhook_router
from seatrial.web.site import site

HOOK = "/api/registry/webhook"
BODY = json.dumps(
    {"entity": "model_version", "action": "created", "data": {"name": "churn", "version": "1"}}
).encode()
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(store: MemoryStore, clock: FakeClock, tmp_path: Path) -> Client:
    config = RegistryConfig.model_validate({"models": {"churn": {"holdout": "h.csv"}}})
    desk = RegistryDesk(store, OwnRegistry(store, tmp_path), config)
    nudges = Nudges(store, name="worker/a/0", secret="s", variable="HOOK", clock=clock)

    def made(token: str | None = None, peer: str = "127.0.0.1") -> httpx.AsyncClient:
        guard = Guard(token=token)
        plane = DataPlane(router_of(), error_reply, Limits())
        app = site(plane, [registry_router(desk, guard), webhook_router(nudges)], guard)
        transport = httpx.ASGITransport(app, client=(peer, 1))
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)

    return made


def signed(clock: FakeClock, secret: str = "s") -> dict[str, str]:
    stamp = str(int(clock.now().timestamp()))
    signature = signature_of(secret, "d", stamp, BODY)
    return {DELIVERY: "d", TIMESTAMP: stamp, SIGNATURE: signature}


async def test_mlflow_needs_a_signature_and_no_token(
    client: Client, clock: FakeClock, store: MemoryStore
) -> None:
    async with client(token="t", peer="10.0.0.9") as mlflow:
        del mlflow.headers["authorization"]
        reply = await mlflow.post(HOOK, content=BODY, headers=signed(clock))
        assert (reply.status_code, reply.json()) == (202, {"result": "accepted"})
        wrong = await mlflow.post(HOOK, content=BODY, headers=signed(clock, "x"))
        assert (wrong.status_code, wrong.json()["code"]) == (
            403,
            "registry.webhook_signature_wrong",
        )
        assert (await mlflow.get("/api/registry")).status_code == 403
        assert (await mlflow.post("/api/models/churn/versions")).status_code == 403
    (beat,) = store.present(PREFIX)
    assert beat.data["counts"]["accepted"] == 1  # type: ignore[index]


async def test_a_webhook_of_another_page_or_size_is_refused(
    client: Client, clock: FakeClock
) -> None:
    async with client() as page:
        foreign = {"origin": "https://evil.example", **signed(clock)}
        assert (await page.post(HOOK, content=BODY, headers=foreign)).status_code == 403
        large = b"x" * (entrance.MAX_WEBHOOK_BYTES + 1)
        assert (await page.post(HOOK, content=large, headers=signed(clock))).status_code == 413


async def test_a_version_is_offered_as_a_body(client: Client, tmp_path: Path) -> None:
    async with client() as me:
        reply = await me.post("/api/models/churn/versions?file=m.pkl&label=y", content=b"a model")
        assert reply.status_code == 201
        assert reply.json()["number"] == 1
        moved = await me.put("/api/models/churn/aliases/champion", json={"number": 1})
        assert moved.status_code == 200
        (version,) = (await me.get("/api/models/churn/versions")).json()
        assert version["aliases"] == ["champion"]
        view = (await me.get("/api/registry")).json()
        assert view["models"]["churn"]["evaluated"] is True
        assert (view["follows"], view["arrivals"]) == (False, [])
    assert (tmp_path / reply.json()["sha256"] / "m.pkl").read_bytes() == b"a model"


async def test_what_nobody_follows_is_refused_and_told(client: Client) -> None:
    async with client() as me:
        other = await me.post("/api/models/chrun/versions", content=b"a model")
        assert (other.status_code, other.json()["code"]) == (404, "registry.model_not_followed")
        assert "churn" in other.json()["error"]
        bad = await me.post("/api/models/churn/versions?file=../m.pkl", content=b"a model")
        assert (bad.status_code, bad.json()["code"]) == (400, "registry.offer_invalid")
        gone = await me.put("/api/models/churn/aliases/champion", json={"number": 9})
        assert (gone.status_code, gone.json()["code"]) == (404, "registry.version_unknown")
        wish = {"source": "mlflow", "model": "churn", "number": 3}
        never = await me.post("/api/registry/again", json=wish)
        assert never.json()["code"] == "registry.version_unknown"
