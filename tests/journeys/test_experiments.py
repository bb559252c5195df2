"""Experiments on the traffic of real servers: split, judged, ended, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.error import HTTPError

import pytest

from seatrial.experiments.assignment import assigned
from seatrial.experiments.config import ExperimentFile
from seatrial.packaging.http import AnswerLate, Connection, NoAnswer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DESIGN: dict[str, Any] = {
    "experiment": "better-model",
    "hypothesis": "The second model's users buy more.",
    "endpoint": "iris",
    "versions": {"today": 1, "second": 2},
    "variants": {"today": 1, "second": 1},
    "primary": {"name": "bought", "kind": "share", "effect": 0.01, "baseline": {"mean": 0.1}},
    "guardrails": [{"name": "complaints", "direction": "down", "margin": 0.5}],
    "secondary": [{"name": "revenue", "covariate": "revenue_before"}],
    "columns": {"segments": ["device"]},
    "horizon": {"units": 100_000, "days": 14},
    "promote": True,
}


class Api:
    """The control routes of a server."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}/api"

    def __call__(self, path: str, body: object = None) -> Any:
        """What a route answers; an error's record where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self._root + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except HTTPError as refused:
            return {"status": refused.code, **json.load(refused)}


def two_versions(home: Any, bundles: Any, lab: Any, *options: str) -> Any:
    """A server with one version in production, and one that has passed staging."""
    home.in_production(bundles.onnx(1.0))
    up = home.up(*options)
    staged(home, home.publish(bundles.onnx(10.0)), bundles.onnx(10.0).digest)
    return up


def staged(home: Any, version: int, digest: str) -> None:
    plan = home.release_config.plan()
    home.desk.start(
        "iris", version=version, digest=digest, target="staging", plan=plan, by="test", notes={}
    )
    home.reach("staged")


def ask_as(port: int, users: Sequence[str], lab: Any) -> dict[str, int]:
    """The version that each user meets, asked again where nobody answered."""
    met: dict[str, int] = {}

    async def client(mine: Sequence[str]) -> None:
        async with Connection("127.0.0.1", port, timeout_s=60.0) as connection:
            for user in mine:
                while user not in met:
                    try:
                        answer = await connection.send(lab.ask(lab.ROWS[0], key=user))
                        assert answer.status == 200, answer.body
                        met[user] = int(answer.headers["x-seatrial-version"])
                    except (NoAnswer, AnswerLate):
                        await asyncio.sleep(0.05)

    async def all_of_them() -> None:
        await asyncio.gather(*(client(users[i::8]) for i in range(8)))

    asyncio.run(all_of_them())
    return met


def bought(users: Sequence[str], met: dict[str, int], *, seed: int) -> list[dict[str, Any]]:
    """One in ten of the first version's users buys, three in ten of the second's."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for user in users:
        share = 0.1 if met[user] == 1 else 0.3
        rows.append({"user": user, "metric": "revenue_before", "value": rng.random()})
        rows.append({"user": user, "metric": "device", "value": rng.choice(["phone", "desk"])})
        if rng.random() < share:
            rows.append({"user": user, "metric": "bought", "value": True, "id": f"o-{user}"})
            rows.append({"user": user, "metric": "revenue", "value": 20.5, "id": f"o-{user}"})
    return rows


def test_a_model_wins_its_experiment_whoever_is_killed_and_however_often_outcomes_come(
    home: Any, bundles: Any, lab: Any
) -> None:
    up = two_versions(home, bundles, lab, "--workers", "2")
    api = Api(up.port)
    assert api("/experiments", DESIGN)["phase"] == "draft"
    assert api("/experiments/better-model/start", {"by": "ann"})["phase"] == "running"
    lab.until("both workers split", lambda: home.settled(2))
    refused = api("/endpoints/iris/promote", {})
    assert refused["status"] == 409
    with pytest.raises(Exception, match="better-model"):
        home.release(bundles.onnx(100.0))

    users = [f"user-{i}" for i in range(1500)]
    met = ask_as(up.port, users[:500], lab)

    def handed_in() -> bool:
        variants = api("/experiments/better-model")["variants"]
        return sum(one["requests"]["n"] for one in variants if one["requests"]) >= 500

    lab.until("what was asked so far is counted", handed_in)
    lab.kill(up.workers()[0])
    met |= ask_as(up.port, users[500:1000], lab)
    lab.kill(up.controller())
    met |= ask_as(up.port, users[1000:], lab)
    assert ask_as(up.port, users, lab) == met  # sticky, and whoever was forgotten is met again

    design = ExperimentFile.model_validate(DESIGN).design()
    expected = {user: assigned(design, user.encode()) for user in users}
    assert {user: design.variants[v - 1].name for user, v in met.items()} == expected

    rows, outcomes = bought(users, met, seed=1), "/experiments/better-model/outcomes"
    few = [row for row in rows[:200] if "id" in row]
    nobody = {"user": "nobody", "metric": "bought", "value": 1, "id": "o-nobody"}
    assert api(outcomes, [*few, nobody])["n"] == len(few) + 1
    api(outcomes, few)  # handed in again
    api(outcomes, [dict(few[0], value=99)])
    wrong = api(outcomes, [{"user": "u", "metric": "x", "value": 1}])
    assert (wrong["status"], wrong["code"]) == (400, "experiment.bad_outcomes")
    api(outcomes, rows)

    def decided() -> Any:
        found = api("/experiments/better-model")
        return found if found["phase"] == "decided" else None

    record = lab.until("a decision", decided)
    assert (record["outcome"], record["winner"]) == ("ship", "second")
    split = record["judgement"]["split"]["counts"]
    assert split == dict(Counter(expected.values()))
    counts = record["counts"]
    assert (counts["n_units"], counts["n_unexposed"], counts["n_changed"]) == (len(users), 1, 1)
    assert counts["n_outcomes"] == 1 + sum("id" in row for row in rows)
    assert counts["n_repeated"] == 2 * len(few) + 1
    assert {one["column"] for one in record["judgement"]["segments"]} == {"device"}
    requests = [one["requests"]["n"] for one in record["variants"]]
    # Every user asked twice; a killed worker takes along what it did in its last half second.
    assert 2 * len(users) - 300 <= sum(requests) <= 2 * len(users) + 100

    lab.until("the winner gets everybody", lambda: home.desk.state("iris").stable == 2)
    lab.until("both workers", lambda: home.settled(2))
    assert set(ask_as(up.port, users[:200], lab).values()) == {2}
    assert home.kinds()[-2:] == ["experiment.left", "endpoint.won"]
    assert home.desk.roll_back("iris", to=None, by="test")["stable"] == 1
