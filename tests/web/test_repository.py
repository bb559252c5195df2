"""The door of a model repository, asked as ASGI servers ask."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from seatrial.serving.exchange import Reply
from seatrial.serving.hosting import READY, ModelAbsent, ModelNotStarted
from seatrial.web.inference import Receive, Scope, Send, send_reply
from seatrial.web.repository import RepositoryDoor


class Held:
    """A `Hosting` of two models, one of which never starts."""

    def __init__(self) -> None:
        self.running: dict[str, str] = {}

    async def load(self, model: str) -> None:
        if model == "stuck":
            self.running[model] = "DEPLOYING: no CPU"
            raise ModelNotStarted("It did not start.", remedy="Wait.")
        if model != "é 1":
            raise ModelAbsent(f"There is no {model!r}.", remedy="Put it there.")
        self.running[model] = READY

    async def unload(self, model: str) -> None:
        self.running.pop(model, None)

    async def states(self) -> Mapping[str, str]:
        return self.running


async def others(scope: Scope, _receive: Receive, send: Send) -> None:
    await send_reply(send, scope, Reply(418, b"{}"))


@pytest.fixture
def client() -> httpx.AsyncClient:
    door = RepositoryDoor(Held(), others)
    transport = httpx.ASGITransport(door)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://door/v2/repository")


async def test_models_are_loaded_listed_and_unloaded(client: httpx.AsyncClient) -> None:
    assert (await client.post("/models/%C3%A9%201/load")).json() == {}
    listed = {"name": "é 1", "version": "1", "state": "READY", "reason": ""}
    assert (await client.post("/index")).json() == [listed]
    for _ in range(2):  # one that does not run is no error
        assert (await client.post("/models/%C3%A9%201/unload")).status_code == 200
    assert (await client.post("/index")).json() == []


async def test_what_does_not_load_says_why(client: httpx.AsyncClient) -> None:
    absent = await client.post("/models/nope/load", content=b"{")
    assert (absent.status_code, absent.json()["code"]) == (404, "hosting.model_absent")
    stuck = await client.post("/models/stuck/load")
    assert (stuck.status_code, stuck.json()["code"]) == (500, "hosting.not_started")
    (listed,) = (await client.post("/index")).json()
    assert (listed["state"], listed["reason"]) == ("UNAVAILABLE", "DEPLOYING: no CPU")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/index"),
        ("GET", "/models/é 1/load"),
        ("POST", "/models/a/b/load"),
        ("POST", "/models/a/drop"),
        ("POST", "/"),
    ],
)
async def test_all_else_is_not_its_business(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await client.request(method, path)).status_code == 418


async def test_a_body_without_end_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/models/é 1/load", content=bytes(2 << 20))).status_code == 413
