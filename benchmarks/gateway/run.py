"""The run: every gateway in turn, round after round, one at a time, each load timed.

Rounds are interleaved (A B C D, A B C D) so that whatever drifts on the machine meets all alike.
The upstream runs beside the load generator, on the other core.
"""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from benchmarks.gateway import held, library
from benchmarks.gateway.apps.words import FLOOD, WORDS
from benchmarks.gateway.library import LIBRARIES, Costs, LibraryFailed
from benchmarks.gateway.loads import SCENARIOS, WARM, Scenario, call, load
from benchmarks.gateway.peer import Asking, Peer, Place
from benchmarks.gateway.peers.seatrial import Seatrial
from benchmarks.gateway.streams import StreamWrong, first_word_ms
from benchmarks.serving.environment import Environment, SetUpFailed
from benchmarks.serving.load import Figures, LoadFailed
from benchmarks.serving.peer import Command
from benchmarks.serving.server import HOST, Server, ServerFailed, free_port, running, send
from benchmarks.serving.wire import Call

SERVER_CORE = 0
CLIENT_CORE = 1
IDLE_S = 0.5
"""How long a gateway rests before it is weighed."""
DIRECT = "upstream"
"""The name under which the upstream's own figures stand."""
SET_UP = "set-up"
"""What failed of a gateway that is not in the run at all."""
_SHARE_NEW = 0.99
"""Of requests that are new, so many have to reach the upstream."""


class WrongAnswer(Exception):
    """An answer is not the upstream's; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long and how often.

    Args: rounds: >= 1; duration_s: of each timed load; warm_up_s: before the first; n_streams: that
        are timed, one after the other; n_open: streams that are open at once.
    """

    rounds: int
    duration_s: float
    warm_up_s: float
    n_streams: int
    n_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One timed load.

    Args: cpu_ms: of all processes of the gateway, for each answer.
    """

    peer: str
    scenario: str
    round: int
    figures: Figures
    cpu_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """Streams, one after the other.

    Args: first_word_ms: the median; cpu_ms: for each stream.
    """

    peer: str
    round: int
    first_word_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a gateway.

    Args: memory_mb: at rest after its first answer; loaded_mb: after all loads.
    """

    peer: str
    round: int
    cold_start_s: float
    memory_mb: float
    loaded_mb: float
    n_processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A fresh gateway with many streams open, and with one that is not read.

    Args: n_open: streams, all of which ended whole.
    """

    peer: str
    n_open: int
    weights: held.Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a gateway, or a part of it, has no figures."""

    peer: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """`import seatrial.gateway`, in a fresh process."""

    took_s: float


Outcome = Timing | Streamed | Start | Held | Costs | Import | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything one run needs.

    Args: cache: where environments are kept; folder: for what the run writes.
    """

    peers: tuple[Peer, ...]
    settings: Settings
    cache: Path
    folder: Path


@dataclass(slots=True)
class _Ready:
    """A gateway that is installed, and how it is asked; `n_asked` numbers its requests."""

    peer: Peer
    place: Place
    asking: Asking
    n_asked: int = 0


def measure(bench: Bench, upstream: Environment) -> Iterable[Outcome]:
    """Set up and time everything, yielding each result as it comes.   Raises: ServerFailed."""
    shutil.rmtree(bench.folder / "servers", ignore_errors=True)
    with _upstream(bench, upstream) as server:
        ready = []
        for peer in bench.peers:
            made = _set_up(peer, bench, f"{server.url}/v1")
            if isinstance(made, Failure):
                yield made
            else:
                ready.append(made)
        for round_ in range(bench.settings.rounds):
            yield from _direct(bench, server, round_)
            for one in ready:
                yield from _visit(bench, one, server, round_)
        for one in ready:
            yield _held(bench, one, server)


def libraries(bench: Bench, upstream: Environment) -> Iterable[Costs | Import | Failure]:
    """What libraries cost, each in an environment of its own.   Raises: ServerFailed."""
    folder = bench.folder / "servers" / "library"
    shutil.rmtree(folder, ignore_errors=True)
    with _upstream(bench, upstream) as server:
        for one in LIBRARIES:
            try:
                environment = one.install(bench.cache)
                yield library.costs(
                    one, environment, f"{server.url}/v1", folder / one.name, SERVER_CORE
                )
                if one.name == Seatrial.name:
                    yield Import(took_s=library.import_s(environment, SERVER_CORE))
            except (LibraryFailed, SetUpFailed, TimeoutExpired) as error:
                yield Failure(peer=one.title, what="library", reason=str(error))


def _upstream(bench: Bench, environment: Environment) -> AbstractContextManager[Server]:
    port = free_port()
    app = Path(__file__).parent / "apps" / "upstream.py"
    return running(
        Command(args=(str(environment.python), str(app), str(port))),
        port=port,
        first=call(Asking()),
        core=CLIENT_CORE,
        log=bench.folder / "servers" / "upstream.log",
    )


def _set_up(peer: Peer, bench: Bench, upstream: str) -> _Ready | Failure:
    folder = bench.folder / "servers" / peer.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        place = Place(
            environment=peer.install(bench.cache),
            folder=folder,
            port=free_port(),
            upstream=upstream,
        )
        return _Ready(peer, place, peer.prepare(place))
    except (SetUpFailed, ServerFailed) as error:
        return Failure(peer=peer.name, what=SET_UP, reason=str(error))


def _direct(bench: Bench, upstream: Server, round_: int) -> Iterable[Outcome]:
    """The upstream alone, by which delays are told."""
    file, settings = bench.folder / "servers" / "upstream.http", bench.settings
    yield _timed(bench, upstream, DIRECT, Asking(), SCENARIOS[0], round_, 1, file)
    streams = [call(Asking(), stream=True)] * settings.n_streams
    first_ms = first_word_ms(upstream.port, streams)
    yield Streamed(peer=DIRECT, round=round_, first_word_ms=first_ms, cpu_ms=0)


def _visit(bench: Bench, ready: _Ready, upstream: Server, round_: int) -> Iterable[Outcome]:
    """One gateway: start, check, weigh, time its loads, stop."""
    peer, place = ready.peer, ready.place
    what = f"round {round_ + 1}"
    try:
        with running(
            peer.command(place),
            port=place.port,
            first=_next_call(ready),
            core=SERVER_CORE,
            log=place.folder / "server.log",
        ) as server:
            time.sleep(IDLE_S)
            memory_mb, n_processes = server.memory()
            _check(server, _next_call(ready))
            yield from _loads(bench, ready, server, upstream, round_)
            try:
                yield _streams(bench, ready, server, round_)
            except (StreamWrong, OSError) as error:
                yield Failure(peer=peer.name, what=f"streams, {what}", reason=str(error))
            time.sleep(IDLE_S)
            loaded_mb, _ = server.memory()
            yield Start(
                peer=peer.name,
                round=round_,
                cold_start_s=server.cold_start_s,
                memory_mb=memory_mb,
                loaded_mb=loaded_mb,
                n_processes=n_processes,
            )
    except (ServerFailed, LoadFailed, WrongAnswer, OSError, TimeoutExpired) as error:
        yield Failure(peer=peer.name, what=what, reason=str(error))


def _held(bench: Bench, ready: _Ready, upstream: Server) -> Outcome:
    """One gateway, started again, with many streams open."""
    peer, place = ready.peer, ready.place
    try:
        with running(
            peer.command(place),
            port=place.port,
            first=_next_call(ready),
            core=SERVER_CORE,
            log=place.folder / "held.log",
        ) as server:
            time.sleep(IDLE_S)
            host, n_open = f"{HOST}:{server.port}", bench.settings.n_open
            streams = [_next_call(ready, stream=True).raw(host) for _ in range(n_open)]
            flood = call(ready.asking, stream=True, said=f"{FLOOD}{n_open}").raw(host)
            weights = held.weigh(
                server.port, upstream.port, streams, flood, lambda: server.memory()[0]
            )
            return Held(peer=peer.name, n_open=n_open, weights=weights)
    except (ServerFailed, StreamWrong, OSError, TimeoutExpired) as error:
        return Failure(peer=peer.name, what="many streams", reason=str(error))


def _next_call(ready: _Ready, *, stream: bool = False) -> Call:
    ready.n_asked += 1
    return call(ready.asking, stream=stream, said=f"{ready.n_asked:010}")


def _check(server: Server, asked: Call) -> None:
    """The answer is the upstream's.   Raises: WrongAnswer."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    try:
        reply = send(connection, asked)
    finally:
        connection.close()
    told = json.loads(reply.body) if reply.status == 200 else {}
    said = told["choices"][0]["message"]["content"] if told else None
    if said != " ".join(WORDS) or told["usage"]["total_tokens"] != 44:
        raise WrongAnswer(f"status {reply.status}: {reply.body[:200]!r}")


def _loads(
    bench: Bench, ready: _Ready, server: Server, upstream: Server, round_: int
) -> Iterable[Outcome]:
    file = ready.place.folder / "request.http"
    for n, scenario in enumerate(SCENARIOS):
        if not scenario.new and not ready.peer.caches:
            continue
        if n == 0 or not scenario.new:
            _warm_up(bench, ready, server, WARM if scenario.new else scenario, file)
        before = _n_asked(upstream)
        timing = _timed(
            bench, server, ready.peer.name, ready.asking, scenario, round_, ready.n_asked, file
        )
        ready.n_asked += 10_000_000
        n_passed, n_answers = _n_asked(upstream) - before, timing.figures.n_requests
        if n_answers == 0:
            raise WrongAnswer(f"no answer within {bench.settings.duration_s:g} s")
        if scenario.new and n_passed < _SHARE_NEW * n_answers:
            raise WrongAnswer(
                f"{n_answers} requests, of which {n_passed} reached the upstream and "
                f"{timing.figures.n_errors} got errors"
            )
        if not scenario.new and n_passed > 1:
            raise WrongAnswer(f"{n_passed} of {n_answers} equal requests reached the upstream")
        yield timing


def _warm_up(bench: Bench, ready: _Ready, server: Server, scenario: Scenario, file: Path) -> None:
    load(
        server.url,
        call(ready.asking),
        scenario,
        first=ready.n_asked,
        duration_s=bench.settings.warm_up_s,
        core=CLIENT_CORE,
        file=file,
    )
    ready.n_asked += 10_000_000


def _timed(
    bench: Bench,
    server: Server,
    name: str,
    asking: Asking,
    scenario: Scenario,
    round_: int,
    first: int,
    file: Path,
) -> Timing:
    before_s = server.cpu_s()
    figures = load(
        server.url,
        call(asking),
        scenario,
        first=first,
        duration_s=bench.settings.duration_s,
        core=CLIENT_CORE,
        file=file,
    )
    cpu_s = server.cpu_s() - before_s
    return Timing(
        peer=name,
        scenario=scenario.name,
        round=round_,
        figures=figures,
        cpu_ms=cpu_s * 1e3 / max(1, figures.n_requests),
    )


def _streams(bench: Bench, ready: _Ready, server: Server, round_: int) -> Streamed:
    n = bench.settings.n_streams
    first_word_ms(server.port, [_next_call(ready, stream=True) for _ in range(max(1, n // 10))])
    before_s = server.cpu_s()
    found_ms = first_word_ms(server.port, [_next_call(ready, stream=True) for _ in range(n)])
    cpu_s = server.cpu_s() - before_s
    return Streamed(
        peer=ready.peer.name, round=round_, first_word_ms=found_ms, cpu_ms=cpu_s * 1e3 / n
    )


def _n_asked(upstream: Server) -> int:
    connection = http.client.HTTPConnection(HOST, upstream.port, timeout=10)
    try:
        connection.request("GET", "/count")
        return int(connection.getresponse().read())
    finally:
        connection.close()
