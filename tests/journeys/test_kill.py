"""`kill -9` of every process of an installation, at every step of a release.

The walk: a release goes from staging to full traffic, and after each of its facts the victim is
killed. Whatever dies, the release ends promoted, and once; state and split agree; those who are
not on trial are served; and no process outlives its supervisor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STEPS = (
    "release.started",
    "staging.passed",
    "canary.warming",
    "step.entered",
    "evidence.recorded",
    "release.promoted",
)


def controller(up: Any) -> list[int]:
    pid = up.controller()
    return [pid] if pid else []


def worker(up: Any) -> list[int]:
    workers: list[int] = up.workers()
    return workers[:1]


def walk(home: Any, lab: Any, after_each: Callable[[str], None]) -> list[str]:
    """Follow the release under way to its end; ``after_each`` meets each kind of fact once."""
    met: list[str] = []
    seen = len(home.facts())

    def over() -> bool:
        nonlocal seen
        facts = home.facts()
        for fact in facts[seen:]:
            if fact.kind not in met:
                met.append(fact.kind)
                after_each(fact.kind)
        seen = len(facts)
        return home.phase() in ("promoted", "aborted", "rejected")

    after_each("release.started")
    lab.until("the end of the release", over)
    over()
    return ["release.started", *met]


def check_end(home: Any, lab: Any, version: int, *, n_workers: int) -> None:
    """Promoted once, and every worker serves what the facts say."""
    assert home.phase() == "promoted", home.desk.view(lab.NAME)["release"]
    promoted = [f for f in home.facts() if f.kind == "release.promoted"]
    assert [f.data["version"] for f in promoted].count(version) == 1
    state = home.desk.state(lab.NAME)
    assert (state.stable, state.split.canary) == (version, None)
    lab.until("workers that serve what the facts say", lambda: home.settled(n_workers))


@pytest.mark.parametrize("victim", [controller, worker], ids=lambda v: v.__name__)
def test_a_release_survives_the_death_of_a_process_at_every_step(
    home: Any, bundles: Any, lab: Any, victim: Callable[[Any], list[int]]
) -> None:
    home.in_production(bundles.onnx(1.0))
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: home.settled(2))
    n_killed = 0

    def kill(_kind: str) -> None:
        nonlocal n_killed
        for pid in victim(up):
            lab.kill(pid)
            n_killed += 1

    with lab.Traffic(up.port, n_clients=6, pause_s=0.005) as traffic:
        version = home.release(bundles.native("obeys"))
        met = walk(home, lab, kill)
        check_end(home, lab, version, n_workers=2)
        lab.until("the victim's return", lambda: len(up.workers()) == 2 and up.controller())
        n_asked = len(traffic.asked)
        lab.until("more answers", lambda: len(traffic.asked) > n_asked + 50)
    assert set(STEPS) <= set(met)
    assert n_killed >= len(STEPS) - 2
    # A dead worker takes its connections along, and nothing else is lost.
    assert {a.status for a in traffic.asked if a.version is not None} == {200}
    assert len(traffic.bad()) <= (6 * n_killed if victim is worker else 0)
    assert up.stop() == 0
    lab.until("every process ended", up.gone)


@pytest.mark.parametrize("victim", [controller, worker], ids=lambda v: v.__name__)
def test_a_bad_version_is_aborted_once_whoever_dies_at_any_step(
    home: Any, bundles: Any, lab: Any, victim: Callable[[Any], list[int]]
) -> None:
    stable = home.in_production(bundles.onnx(1.0))
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: home.settled(2))

    def kill(_kind: str) -> None:
        for pid in victim(up):
            lab.kill(pid)

    some = [*lab.PLAIN, *(lab.ask([12, 3, 4, 1], key=f"fails-{i}") for i in range(100))]
    with lab.Traffic(up.port, some, n_clients=6, pause_s=0.005) as traffic:
        home.release(bundles.native("fails"))
        met = walk(home, lab, kill)
        lab.until("workers that serve what the facts say", lambda: home.settled(2))
        n_asked, settled_at = len(traffic.asked), time.monotonic()
        lab.until("more answers", lambda: len(traffic.asked) > n_asked + 50)
    assert {"staging.passed", "step.entered", "evidence.recorded", "release.aborted"} <= set(met)
    assert home.kinds().count("release.aborted") == 1
    assert home.kinds().count("release.promoted") == 1  # the first version's
    state = home.desk.state(lab.NAME)
    assert (state.stable, state.split.canary) == (stable, None)
    assert {a.version for a in traffic.asked if a.begun > settled_at} == {stable}
    assert {a.status for a in traffic.asked if a.version == stable} == {200}
    assert up.stop() == 0
    lab.until("every process ended", up.gone)


@pytest.mark.parametrize("step", ["release.started", *STEPS[2:]])
def test_the_death_of_a_native_engine_ends_its_release_at_worst(
    home: Any, bundles: Any, lab: Any, step: str
) -> None:
    stable = home.in_production(bundles.onnx(1.0))
    version = home.release(bundles.native("obeys"))
    if step != "release.started":
        home.say("staging.passed", reason="fine", report={})
        home.say("canary.warming")
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: len(up.workers()) == 2)
    with lab.Traffic(up.port, n_clients=4, pause_s=0.005) as traffic:
        if step not in ("release.started", "canary.warming"):
            lab.until(step, lambda: home.kinds().count(step) == 1 + (step == STEPS[-1]))
        for pid in lab.until("an engine", up.engines):
            lab.kill(pid)
        lab.until("the end", lambda: home.phase() in ("promoted", "aborted", "rejected"))
        lab.until("workers that serve what the facts say", lambda: home.settled(2))
        serving = home.desk.state(lab.NAME).stable
        begun = len(traffic.asked)
        lab.until(
            "answers of the version in production",
            lambda: sum(a.status == 200 for a in traffic.asked[begun:]) > 20,
        )
    promoted = [f.data["version"] for f in home.facts() if f.kind == "release.promoted"]
    assert promoted == ([stable, version] if home.phase() == "promoted" else [stable])
    assert serving == promoted[-1]
    assert {a.status for a in traffic.asked if a.version == stable} == {200}
    assert None not in {a.status for a in traffic.asked}
    assert up.stop() == 0
    lab.until("every process ended", up.gone)


def test_a_release_survives_the_death_of_the_supervisor_at_every_step(
    home: Any, bundles: Any, lab: Any
) -> None:
    home.in_production(bundles.onnx(1.0))
    servers = [home.up("--workers", "2")]
    lab.until("both workers", lambda: home.settled(2))

    def kill(_kind: str) -> None:
        servers[-1].kill()
        servers.append(home.up("--workers", "2"))

    def traffic_of(port: int) -> Any:
        return lab.Traffic(port, n_clients=4, pause_s=0.005)

    version = home.release(bundles.native("obeys"))
    known = before = len(home.facts())
    while home.phase() not in ("promoted", "aborted", "rejected"):
        with traffic_of(servers[-1].port):
            lab.until("another fact", lambda: len(home.facts()) > known)  # noqa: B023
            known = len(home.facts())
            kill("")
    check_end(home, lab, version, n_workers=2)
    assert set(STEPS[1:]) <= {fact.kind for fact in home.facts()[before:]}
    with traffic_of(servers[-1].port) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 50)
    assert traffic.bad() == []
    assert servers[-1].stop() == 0
    for server in servers:
        lab.until("every process ended", server.gone)
