"""The judge's routes, asked as Argo asks: with the template and the expressions that we write."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from seatrial.kernel.events import Draft
from seatrial.packaging.kubernetes import Form
from seatrial.release.config import ReleaseConfig
from seatrial.release.counted import Counted, Counters, Seen
from seatrial.release.desk import Desk
from seatrial.release.gate_desk import GateDesk
from seatrial.release.rollout import Plan, Step
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import router_of
from seatrial.web.errors import error_reply
from seatrial.web.gates import gates_router
from seatrial.web.guard import Guard
from seatrial.web.site import site
from tests.packaging.kubernetes.conftest import documents

TOKEN = "correct-horse"
BEARER = {"authorization": f"Bearer {TOKEN}"}
EDGES = (0.05, 0.1, 0.2, float("inf"))


def counted(n: int, *, errors: int = 0) -> Counted:
    return Counted(requests=n, errors=errors, refused=0, at_most_s=dict.fromkeys(EDGES, n))


@dataclass
class Counting:
    """Counters that say what they are told to."""

    says: Seen
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def seen(self, endpoint: str, *, canary: str, stable: str | None) -> Seen:
        self.asked.append((endpoint, canary, stable))
        return self.says


def client(counters: Counters | None = None, desk: Desk | None = None) -> httpx.AsyncClient:
    gates = GateDesk(
        desk or Desk(MemoryStore()), lambda _name: ReleaseConfig().gates.gates(), counters
    )
    plane = DataPlane(router_of(), error_reply, Limits())
    app = site(plane, [gates_router(gates, Guard(token=TOKEN))])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://seatrial:8080")


def filled(text: str, args: Mapping[str, str]) -> str:
    for name, value in args.items():
        text = text.replace(f"{{{{args.{name}}}}}", value)
    assert "{{" not in text
    return text


def holds(condition: str, result: Any) -> bool:
    """What Argo makes of ``result.KEY == "TEXT"``; the two languages agree on this much."""
    compared = ast.parse(condition, mode="eval").body
    assert isinstance(compared, ast.Compare)
    assert isinstance(compared.ops[0], ast.Eq)
    key, (text,) = compared.left, compared.comparators
    assert isinstance(key, ast.Attribute)
    assert isinstance(key.value, ast.Name)
    assert key.value.id == "result"
    return bool(result[key.attr] == ast.literal_eval(text))


async def measured(counters: Counting) -> str:
    """One measurement of the first step's analysis, as Argo's web metric takes it."""
    made = documents(Form.ARGO, judge="http://seatrial:8080")
    (metric,) = made["analysistemplate.yaml"]["spec"]["metrics"]
    analysis = made["rollout.yaml"]["spec"]["strategy"]["canary"]["steps"][1]["analysis"]
    args = {arg["name"]: arg["value"] for arg in analysis["args"]} | {"token": TOKEN}
    web = metric["provider"]["web"]
    address = urlsplit(filled(web["url"], args))
    assert address.netloc == "seatrial:8080"
    headers = {head["key"]: filled(head["value"], args) for head in web["headers"]}
    async with client(counters) as http:
        reply = await http.get(f"{address.path}?{address.query}", headers=headers)
    assert reply.status_code == 200, reply.text  # to Argo anything else is an error
    assert web["jsonPath"] == "{$}"  # the whole body
    result = reply.json()
    passed, failed = (holds(metric[f"{c}Condition"], result) for c in ("success", "failure"))
    assert not (passed and failed)
    return "Successful" if passed else "Failed" if failed else "Inconclusive"


@pytest.mark.parametrize(
    ("canary", "watched_s", "phase"),
    [
        (counted(9000), 3600, "Successful"),
        (counted(9000), 3599, "Inconclusive"),
        (counted(200), 3600, "Inconclusive"),
        (counted(0), 0, "Inconclusive"),
        (counted(40, errors=20), 10, "Failed"),
        (counted(9000, errors=90), 3600, "Failed"),
    ],
)
async def test_argo_goes_on_stops_or_waits_by_the_evidence(
    canary: Counted, watched_s: float, phase: str
) -> None:
    counters = Counting(Seen(canary=canary, stable=counted(90_000), watched_s=watched_s))
    assert await measured(counters) == phase
    assert counters.asked == [("churn", "3", None)]


async def test_the_answer_holds_counts_bounds_and_reason() -> None:
    counters = Counting(Seen(canary=counted(200), stable=counted(4000), watched_s=60))
    async with client(counters) as http:
        reply = await http.get("/api/gates/churn?canary=3&stable=2&watch=1h", headers=BEARER)
    said = reply.json()
    assert said["canary"]["requests"] == 200
    assert said["canary"]["at_most_ms"] == {"50": 200, "100": 200, "200": 200, "+Inf": 200}
    assert said["stable"]["requests"] == 4000
    gate = next(g for g in said["gates"] if g["gate"] == "error_rate")
    assert gate["interval"]["lower"] <= gate["effect"] <= gate["interval"]["upper"]
    assert said["n_needed"] > 1000
    assert "more error-free requests needed" in said["reason"]
    assert said["left_out"] == ["p95_against_stable"]
    assert counters.asked == [("churn", "3", "2")]


async def test_counts_can_be_handed_in_by_who_has_no_prometheus() -> None:
    canary = {"requests": 9000, "errors": 0, "at_most_ms": {"50": 8900, "100": 8990}}
    stable = {"requests": 90_000, "errors": 3}
    async with client() as http:
        reply = await http.post(
            "/api/gates/churn", json={"canary": canary, "stable": stable}, headers=BEARER
        )
        short = {"canary": canary, "watched_s": 10, "watch_s": 60}
        early = await http.post("/api/gates/churn", json=short, headers=BEARER)
    assert reply.json()["verdict"] == "pass", reply.text
    assert reply.json()["canary"]["at_most_ms"] == {"50": 8900, "100": 8990}
    assert early.json()["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"canary": {"requests": -1, "errors": 0}},
        {"canary": {"requests": 1, "errors": 2}},
        {"canary": {"requests": 1.5, "errors": 0}},
        {"canary": {"requests": 1, "errors": 0, "at_most_ms": {"nan": 1}}},
        {"canary": {"requests": 1, "errors": 0, "at_most_ms": {"-5": 1}}},
        {"canary": {"requests": 10**40, "errors": 0}},
        {"canary": {"requests": 1, "errors": 0}, "watch_s": "long"},
        {"canary": {"requests": 1, "errors": 0}, "cannary": {}},
    ],
)
async def test_counts_that_make_no_sense_are_refused(body: dict[str, Any]) -> None:
    async with client() as http:
        reply = await http.post("/api/gates/churn", json=body, headers=BEARER)
    assert 400 <= reply.status_code < 500, reply.text


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?canary=3", 404, "judge.no_counters"),
        ("?canary=3&watch=soon", 400, "config.bad_duration"),
        ('?canary=3"}', 422, ""),
        ("", 404, "release.unknown_endpoint"),
    ],
)
async def test_a_question_without_an_answer_says_what_to_do(
    query: str, status: int, code: str
) -> None:
    async with client() as http:
        reply = await http.get(f"/api/gates/churn{query}", headers=BEARER)
    assert reply.status_code == status, reply.text
    assert code in reply.text


async def test_the_judge_answers_to_nobody_without_the_token() -> None:
    async with client() as http:
        for method in ("GET", "POST"):
            reply = await http.request(method, "/api/gates/churn", json={})
            assert reply.status_code in (401, 403)


def released(*kinds: str) -> Desk:
    """A desk with version 1 of churn, taken as far as some facts go."""
    store = MemoryStore()
    desk = Desk(store)
    plan = Plan(steps=(Step(share=0.1, watch_s=60),))
    desk.start("churn", version=1, digest="d1", target="production", plan=plan, by="me", notes={})
    state = desk.state("churn")
    assert state.rollout is not None
    about = {"release": state.rollout.release, "version": 1, "reason": "because", "report": {}}
    step = {"step": 0, "share": 0.1, "shadow": 0.0}
    facts = [Draft(kind=kind, data=about | step, by="test") for kind in kinds]
    store.append("endpoint/churn", facts, expected=state.revision)
    return desk


@pytest.mark.parametrize(
    ("kinds", "verdict"),
    [
        (["staging.passed"], "inconclusive"),
        (["staging.failed"], "fail"),
        (["staging.passed", "canary.warming", "step.entered"], "inconclusive"),
        (["staging.passed", "canary.warming", "step.entered", "release.aborted"], "fail"),
        (["staging.passed", "release.promoted"], "pass"),
    ],
)
async def test_a_release_of_ours_has_the_verdict_of_its_end(kinds: list[str], verdict: str) -> None:
    async with client(desk=released(*kinds)) as http:
        reply = await http.get("/api/gates/churn", headers=BEARER)
    assert reply.json()["verdict"] == verdict, reply.text
    assert reply.json()["release"].startswith("churn-1")
