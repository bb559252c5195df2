"""The run: every server in turn, round after round, one at a time, each scenario timed.

Rounds are interleaved (A B C D, A B C D) so that whatever drifts on the machine meets all alike.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from benchmarks.serving import check, h2load, load
from benchmarks.serving.environment import Environment, SetUpFailed, ensure
from benchmarks.serving.load import Figures, LoadFailed
from benchmarks.serving.peer import Peer, Place
from benchmarks.serving.scenario import Model, Scenario
from benchmarks.serving.server import HOST, Server, ServerFailed, asked, free_port, running
from benchmarks.serving.truth import Files, Truth

SERVER_CORE = 0
CLIENT_CORE = 1
IDLE_S = 0.5
"""How long a server rests after its first answer before it is weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long and how often.

    Args: rounds: >= 1; duration_s: of each timed load; warm_up_s: before it, not counted.
    """

    rounds: int
    duration_s: float
    warm_up_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One timed load.   Args: cpu_ms: of all processes of the server, for each answer."""

    peer: str
    scenario: str
    round: int
    figures: Figures
    n_checked: int
    cpu_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a server: how long it took and what it weighed, idle with its model loaded."""

    peer: str
    model: str
    round: int
    cold_start_s: float
    memory_mb: float
    n_processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a server weighed after its loads."""

    peer: str
    model: str
    round: int
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a server has no figures."""

    peer: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything one run needs.

    Args: cache: where environments are kept; folder: for what the run writes.
    """

    peers: tuple[Peer, ...]
    scenarios: tuple[Scenario, ...]
    settings: Settings
    files: Files
    truth: Truth
    cache: Path
    folder: Path


Outcome = Timing | Start | Loaded | Failure


def set_up(peer: Peer, bench: Bench) -> Environment | Failure:
    """The server's environment, or why there is none.

    It is called after the first word of the server's name, so ways to run one server share it.
    """
    folder = bench.folder / peer.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return ensure(bench.cache / f"bench-{peer.name.partition('-')[0]}", peer.requirements)
    except SetUpFailed as error:
        return Failure(peer=peer.name, what="set-up", reason=str(error))


def measure(bench: Bench, environments: dict[str, Environment]) -> Iterable[Outcome]:
    """Time everything, yielding each result as it comes."""
    for round_ in range(bench.settings.rounds):
        for model in Model:
            for peer in bench.peers:
                if peer.name in environments:
                    yield from _visit(bench, peer, environments[peer.name], model, round_)


def _visit(
    bench: Bench, peer: Peer, environment: Environment, model: Model, round_: int
) -> Iterable[Outcome]:
    """One server with one model: start, check, weigh, time its scenarios, stop."""
    scenarios = [
        s for s in bench.scenarios if s.model is model and peer.wire(model, s.encoding) is not None
    ]
    if not scenarios:
        return
    folder = bench.folder / peer.name
    place = Place(
        environment=environment,
        files=bench.files,
        folder=folder / model,
        port=free_port(),
    )
    try:
        peer.prepare(place, model)
        wire = peer.wire(model, scenarios[0].encoding)
        assert wire is not None
        with running(
            peer.command(place, model),
            port=place.port,
            first=wire.ask(model, bench.truth.rows[model][:1]),
            core=SERVER_CORE,
            log=place.folder / "server.log",
        ) as server:
            yield _weigh(server, peer, model, round_)
            for scenario in scenarios:
                yield _time(bench, server, peer, scenario, round_)
            memory_mb, _ = server.memory()
            yield Loaded(peer=peer.name, model=model, round=round_, memory_mb=memory_mb)
    except (ServerFailed, LoadFailed, check.WrongAnswer, OSError, TimeoutExpired) as error:
        yield Failure(peer=peer.name, what=f"{model}, round {round_ + 1}", reason=str(error))


def _weigh(server: Server, peer: Peer, model: Model, round_: int) -> Start:
    time.sleep(IDLE_S)
    memory_mb, n_processes = server.memory()
    return Start(
        peer=peer.name,
        model=model,
        round=round_,
        cold_start_s=server.cold_start_s,
        memory_mb=memory_mb,
        n_processes=n_processes,
    )


def _time(bench: Bench, server: Server, peer: Peer, scenario: Scenario, round_: int) -> Timing:
    """Check the answers, warm up, time, and check again; what a load left undone is let end."""
    wire = peer.wire(scenario.model, scenario.encoding)
    assert wire is not None
    rows = bench.truth.rows[scenario.model]
    calls = [wire.ask(scenario.model, rows[index]) for index in bench.truth.batches(scenario)]
    requests = load.write_requests(
        bench.folder / peer.name / scenario.name, calls, f"{HOST}:{server.port}"
    )

    def timed(duration_s: float) -> Figures:
        if calls[0].grpc:
            return h2load.run(
                server.url,
                calls[0],
                n_reply=len(asked(server.port, calls[0], timeout_s=60).body),
                folder=bench.folder / peer.name / scenario.name,
                concurrency=scenario.concurrency,
                duration_s=duration_s,
                core=CLIENT_CORE,
            )
        return load.run(
            server.url,
            requests,
            concurrency=scenario.concurrency,
            duration_s=duration_s,
            core=CLIENT_CORE,
        )

    n_checked = check.answers(server.port, wire, calls, scenario, bench.truth)
    timed(bench.settings.warm_up_s)
    server.rest()
    before_s = server.cpu_s()
    figures = timed(bench.settings.duration_s)
    cpu_s = server.cpu_s() - before_s
    server.rest()
    n_checked += check.answers(server.port, wire, calls, scenario, bench.truth)
    return Timing(
        peer=peer.name,
        scenario=scenario.name,
        round=round_,
        figures=figures,
        n_checked=n_checked,
        cpu_ms=cpu_s * 1e3 / max(1, figures.n_requests),
    )
