"""The control routes, behind their guard, over the ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from seatrial.kernel.events import Draft
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.release.rollout import Plan, Step
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import router_of
from seatrial.web.console.pages import console_router
from seatrial.web.control import control_router
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.site import site

TOKEN = "correct-horse"
BEARER = {"authorization": f"Bearer {TOKEN}"}
READS = ["/api/endpoints", "/api/endpoints/churn", "/api/endpoints/churn/history",
         "/api/endpoints/churn/metrics"]  # fmt: skip
WISHES = ["promote", "abort", "rollback"]

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def desk() -> Desk:
    """Version 1 in production, version 2 on trial."""
    store = MemoryStore()
    desk = Desk(store)
    for version in (1, 2):
        plan = Plan(steps=(Step(share=0.1, watch_s=60),))
        made = {"digest": f"d{version}", "target": "production", "by": "test", "notes": {}}
        desk.start("churn", version=version, plan=plan, **made)  # type: ignore[arg-type]
        state = desk.state("churn")
        assert state.rollout is not None
        about = {"release": state.rollout.release, "version": version, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        next_kind = "release.promoted" if version == 1 else "canary.warming"
        rest = [Draft(kind=next_kind, data=about, by="test")]
        if version == 2:
            step = {"step": 0, "share": 0.1, "shadow": 0.0}
            rest.append(Draft(kind="step.entered", data=about | step, by="test"))
        store.append("endpoint/churn", [passed, *rest], expected=state.revision)
    return desk


@pytest.fixture
def client(desk: Desk) -> Client:
    def make(
        *, token: str | None = None, address: str = "127.0.0.1", host: str = "127.0.0.1:8080"
    ) -> httpx.AsyncClient:
        guard = Guard(token=token)
        plane = DataPlane(router_of(), error_reply, Limits())
        app = site(
            plane,
            [control_router(desk, guard), console_router(desk, WatchDesk(desk._store), guard)],
        )
        # An error that nobody translated shall be what a client sees: a 500, and a failed test.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")

    return make


async def refused(client: httpx.AsyncClient, **more: Any) -> None:
    """Every control route answers 401 or 403 with a remedy and changes nothing."""
    for path in READS:
        answer = await client.get(path, **more)
        assert answer.status_code in (401, 403), path
        assert "SEATRIAL_TOKEN" in answer.text or "console" in answer.text
    for wish in WISHES:
        answer = await client.post(f"/api/endpoints/churn/{wish}", json={}, **more)
        assert answer.status_code in (401, 403), wish


async def test_without_a_token_this_machine_may_look(client: Client) -> None:
    for path in READS:
        answer = await client().get(path)
        assert answer.status_code == 200, path


async def test_without_a_token_other_machines_are_refused(client: Client, desk: Desk) -> None:
    await refused(client(address="203.0.113.5"))
    assert desk.state("churn").active is not None


async def test_a_rebound_name_is_refused(client: Client, desk: Desk) -> None:
    await refused(client(host="evil.example"))
    assert desk.state("churn").active is not None


async def test_another_origin_is_refused_even_with_the_token(client: Client, desk: Desk) -> None:
    origin = {"origin": "https://evil.example"}
    await refused(client(), headers=origin)
    await refused(client(token=TOKEN), headers=origin | BEARER)
    assert desk.state("churn").active is not None


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}], ids=["no", "wrong"])
async def test_with_a_token_every_route_asks_for_it(
    client: Client, desk: Desk, headers: dict[str, str]
) -> None:
    await refused(client(token=TOKEN), headers=headers)
    assert desk.state("churn").active is not None


@pytest.mark.parametrize("header", ["host", "origin"])
async def test_a_header_that_is_no_address_is_refused_not_a_fault(
    client: Client, header: str
) -> None:
    await refused(client(), headers={header: "http://["})


async def test_the_token_opens_the_routes_from_anywhere(client: Client, desk: Desk) -> None:
    far = client(token=TOKEN, address="203.0.113.5", host="models.example")
    answer = await far.post("/api/endpoints/churn/promote", json={"by": "ada"}, headers=BEARER)
    assert answer.status_code == 200
    assert answer.json()["stable"] == 2
    last = desk.history("churn")[-1]
    assert (last["kind"], last["by"]) == ("release.promoted", "ada")


async def test_abort_then_roll_back(client: Client, desk: Desk) -> None:
    here = client()
    answer = await here.post("/api/endpoints/churn/abort", json={"reason": "a hunch"})
    assert answer.status_code == 200
    assert desk.state("churn").active is None
    answer = await here.post("/api/endpoints/churn/rollback", json={})
    assert answer.status_code == 404
    assert "no earlier version" in answer.text


async def test_a_wish_that_comes_too_late_is_a_conflict(client: Client) -> None:
    here = client()
    assert (await here.post("/api/endpoints/churn/abort", json={})).status_code == 200
    assert (await here.post("/api/endpoints/churn/promote", json={})).status_code == 409


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nonsense", b'{"by": ""}', b'{"reason": 5}', b'{"colour": "red"}', b"\xff\xfe"],
)
async def test_a_body_that_makes_no_sense_is_refused_and_changes_nothing(
    client: Client, desk: Desk, body: bytes
) -> None:
    answer = await client().post("/api/endpoints/churn/abort", content=body)
    assert 400 <= answer.status_code < 500
    assert desk.state("churn").active is not None


async def test_an_unknown_endpoint_is_not_found(client: Client) -> None:
    for path in READS[1:]:
        answer = await client().get(path.replace("churn", "chum"))
        assert answer.status_code == 404
        assert "churn" in answer.json()["error"]


async def test_what_the_framework_refuses_is_refused_in_our_words(client: Client) -> None:
    """A body that is no text, and a method that no route of the path has."""
    here = client()
    answer = await here.post(
        "/api/endpoints/churn/abort",
        content=b'{"by": "\xff"}',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "control.invalid_request")
    assert "UTF-8" in answer.json()["error"]
    answer = await here.put("/api/endpoints/churn")
    assert (answer.status_code, answer.json()["code"]) == (405, "serving.method_not_allowed")
    assert answer.headers["allow"] == "GET"
    assert "Use GET" in answer.json()["error"]
    answer = await here.get("/api/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "serving.unknown_route")
