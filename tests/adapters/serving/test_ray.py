"""Models on a Ray that is a double; the real one is in tests/integration/test_ray_serve.py."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.adapters.serving import ray as serving_ray
from seatrial.adapters.serving.ray import RayModels, below
from seatrial.kernel.errors import MissingExtra
from seatrial.serving.hosting import READY, ModelNotStarted


class Status(StrEnum):
    DEPLOYING = "DEPLOYING"
    DEPLOY_FAILED = "DEPLOY_FAILED"
    RUNNING = "RUNNING"


class Serve:
    """As much of ``ray.serve`` as is asked: an application runs when it was looked at twice."""

    RunTarget = SimpleNamespace

    def __init__(self, ends: Status = Status.RUNNING) -> None:
        self.ends = ends
        self.began: list[str] = []
        self.held: dict[str, SimpleNamespace] = {
            "theirs": SimpleNamespace(status=Status.RUNNING, message="", looks=9)
        }

    def run_many(self, targets: list[Any], *, wait_for_applications_running: bool) -> None:
        assert not wait_for_applications_running
        for target in targets:
            assert target.route_prefix.startswith("/v2/models/")
            self.began.append(target.name)
            self.held[target.name] = SimpleNamespace(
                status=Status.DEPLOYING, message="no\n CPU", looks=0
            )

    def status(self) -> SimpleNamespace:
        for one in self.held.values():
            one.looks += 1
            if one.looks > 2:
                one.status = self.ends if one.looks < 9 else one.status
        return SimpleNamespace(applications=dict(self.held))

    def delete(self, name: str) -> None:
        del self.held[name]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    serve = Serve()
    monkeypatch.setattr(serving_ray, "_serve", lambda: serve)
    monkeypatch.setattr(serving_ray, "_EVERY_S", 0.0)
    return serve


def models(digest: str = "a" * 64, *, start_s: float = 60.0) -> RayModels:
    return RayModels(lambda _name, prefix: (digest, prefix), start_s=start_s)


async def test_a_model_is_started_once_whoever_asks_and_by_whatever_door(serve: Serve) -> None:
    first = models()
    await asyncio.gather(*(first.load("m.v-1") for _ in range(5)))
    await models().load("m.v-1")  # a door that was started again remembers nothing
    assert serve.began == [f"seatrial.m.v-1.{'a' * 12}"]
    assert await first.states() == {"m.v-1": READY}


async def test_other_content_of_the_same_name_takes_its_place(serve: Serve) -> None:
    await models().load("m")
    await models("b" * 64).load("m")
    assert sorted(serve.held) == [f"seatrial.m.{'b' * 12}", "theirs"]


async def test_only_its_own_applications_are_ever_ended(serve: Serve) -> None:
    await models().load("m")
    for name in ("m", "m", "theirs", "seatrial"):
        await models().unload(name)
    assert list(serve.held) == ["theirs"]


@pytest.mark.parametrize(
    ("ends", "start_s"), [(Status.DEPLOY_FAILED, 60.0), (Status.DEPLOYING, 0.0)]
)
async def test_what_does_not_start_is_ended_and_says_why(
    serve: Serve, ends: Status, start_s: float
) -> None:
    serve.ends = ends
    with pytest.raises(ModelNotStarted, match=rf"'m'.*{ends}: no CPU"):
        await models(start_s=start_s).load("m")
    assert list(serve.held) == ["theirs"]


async def test_a_model_is_asked_by_the_paths_that_its_clients_use() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    wrapped = below(app, "/v2/models/m")
    await wrapped({"type": "http", "path": "/x/v2/models/m", "root_path": "/x/v2/models/m"}, 0, 0)
    await wrapped({"type": "lifespan"}, 0, 0)
    assert seen == [
        {"type": "http", "path": "/x/v2/models/m", "root_path": "/x"},
        {"type": "lifespan"},
    ]


def test_without_ray_the_way_to_install_it_is_said() -> None:
    with pytest.raises(MissingExtra, match="ray-serve"):
        serving_ray._serve()
