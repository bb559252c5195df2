"""Staging: integration tests over HTTP against a server started from the bundle alone.

The tests here decide whether a version may meet users at all. They judge what can be known without
users: that the server starts, describes itself, answers the golden inputs as the original model
did, refuses bad input, and holds the limits under load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import psutil

from seatrial.kernel.errors import SeatrialError, Unavailable
from seatrial.packaging import probes
from seatrial.packaging.http import AnswerLate, Connection, NoAnswer, request_bytes
from seatrial.packaging.load import LoadResult, run_load
from seatrial.packaging.staging_report import StagingReport, TestResult
from seatrial.registry.golden import Golden
from seatrial.registry.signature import Signature, n_rows, take
from seatrial.release.gate import Gates
from seatrial.release.gate_record import absolute
from seatrial.release.judge import judge
from seatrial.release.verdict import Outcome

HOST = "127.0.0.1"
"""Staging servers listen on loopback only."""

_POLL_S = 0.05
_ROWS_PER_REQUEST = 1
_ENOUGH_ALONE = 100
"""Requests one at a time of which a 99th percentile can be told."""


class NotReady(Unavailable):
    """The staging server did not become ready."""

    code = "staging.not_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is tested.

    Args:
        endpoint: name under which the server offers the model; ``version`` and ``digest`` with it.
        signature: of the model.
        golden: inputs with the original model's outputs for them.
    """

    endpoint: str
    version: int
    digest: str
    signature: Signature
    golden: Golden


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard staging tries.

    Args:
        ready_s: how long the server may take to become ready.
        load_s: length of the sustained load, in seconds.
        concurrency: connections of the sustained load.
        answer_s: how long any one answer may take.
        growth: memory may grow by this factor in the second half of the load before it counts as
            a leak: by then buffers have the size they need ...
        growth_bytes: ... and by at least so much.
    """

    ready_s: float = 60.0
    load_s: float = 5.0
    concurrency: int = 4
    answer_s: float = 30.0
    growth: float = 1.25
    growth_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server under test.

    Args:
        port: where it listens on loopback.
        pid: of its process.
        ended_by: the exit code of the process, below 0 for a signal; None while it runs.
        last_words: the end of what it printed.
    """

    port: int
    pid: int
    ended_by: Callable[[], int | None]
    last_words: Callable[[], str]

    def not_ready(self, why: str) -> NotReady:
        """The error for a server that cannot be tested."""
        return NotReady(
            f"The server {why}. It said: {self.last_words() or 'nothing'}",
            remedy="The whole of it is in server.log in the release folder.",
        )


@dataclass(slots=True)
class _Run:
    """One staging run: the subject, the server, and what was found so far."""

    subject: Subject
    effort: Effort
    gates: Gates
    server: Server
    results: list[TestResult] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)

    def connect(self) -> Connection:
        """A new connection to the server."""
        return Connection(HOST, self.server.port, timeout_s=self.effort.answer_s)

    async def test(self, name: str, body: Callable[[_Run], Awaitable[str]]) -> bool:
        """Run one test; it says what it saw, or raises what is wrong."""
        begun = time.perf_counter()
        try:
            detail, passed = await body(self), True
        except (SeatrialError, probes.Wrong) as problem:
            detail, passed = str(problem), False
        except psutil.Error:
            detail, passed = str(self.server.not_ready("is gone")), False
        elapsed = time.perf_counter() - begun
        if name == "start":  # its process began before anybody looked
            elapsed = self.measured.get("cold_start_s", elapsed)
        self.results.append(TestResult(name=name, passed=passed, detail=detail, seconds=elapsed))
        return passed


async def run_staging(
    subject: Subject,
    server: Server,
    *,
    gates: Gates,
    effort: Effort | None = None,
    on_test: Callable[[str], None] = lambda _: None,
) -> StagingReport:
    """Test a server that was started from the subject's bundle.

    Args:
        gates: the absolute ones are judged on the sustained load.
        on_test: is told the name of each test before it runs.
    """
    run = _Run(subject, effort or Effort(), gates, server)
    tests: list[tuple[str, Callable[[_Run], Awaitable[str]]]] = [
        ("start", _starts),
        ("health", _health),
        ("metadata", _metadata),
        ("golden parity", _golden),
        ("bad input", _bad_input),
        ("concurrency", _concurrency),
        ("sustained load", _load),
        ("memory", _memory),
    ]
    for name, body in tests:
        on_test(name)
        passed = await run.test(name, body)
        if not passed and name == "start":
            break
    return StagingReport(
        endpoint=subject.endpoint,
        version=subject.version,
        digest=subject.digest,
        tests=tuple(run.results),
        measured=run.measured,
    )


async def _starts(run: _Run) -> str:
    begun = time.perf_counter()
    while True:
        try:
            async with run.connect() as connection:
                answer = await connection.send(request_bytes("GET", "/readyz"))
            if answer.status == 200:
                break
        except (NoAnswer, AnswerLate):
            pass
        if run.server.ended_by() is not None:
            raise run.server.not_ready("ended before it was ready")
        if time.perf_counter() - begun > run.effort.ready_s:
            raise run.server.not_ready(f"was not ready within {run.effort.ready_s:.0f} s")
        await asyncio.sleep(_POLL_S)
    process = psutil.Process(run.server.pid)
    run.measured["cold_start_s"] = time.time() - process.create_time()
    run.measured["rss_idle_bytes"] = float(_memory_of(process))
    return "/readyz answers 200"


async def _health(run: _Run) -> str:
    paths = ("/health", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready")
    async with run.connect() as connection:
        for path in paths:
            probes.expect_ok(await connection.send(request_bytes("GET", path)), path)
        model = f"/v2/models/{run.subject.endpoint}/ready"
        probes.expect_ok(await connection.send(request_bytes("GET", model)), model)
    return f"{len(paths) + 1} addresses answer 200"


async def _metadata(run: _Run) -> str:
    path = f"/v2/models/{run.subject.endpoint}"
    async with run.connect() as connection:
        answer = await connection.send(request_bytes("GET", path))
    probes.expect_ok(answer, path)
    return probes.check_metadata(answer.body, run.subject.signature)


async def _golden(run: _Run) -> str:
    subject = run.subject
    worst = 0.0
    async with run.connect() as connection:
        for form in probes.FORMS:
            answer = await connection.send(
                form.request(subject.endpoint, subject.signature, subject.golden.inputs)
            )
            probes.expect_ok(answer, form.name)
            outputs = form.read(answer)
            worst = max(worst, probes.compare(outputs, subject.golden.outputs, subject.golden))
    names = ", ".join(form.name for form in probes.FORMS)
    return (
        f"{n_rows(subject.golden.inputs)} rows as {names} equal the original model's answers; "
        f"largest difference {worst:.2g}"
    )


async def _bad_input(run: _Run) -> str:
    cases = probes.bad_requests(
        run.subject.endpoint, run.subject.signature, run.subject.golden.inputs
    )
    async with run.connect() as connection:
        for name, request in cases:
            answer = await connection.send(request)
            if not 400 <= answer.status < 500:
                raise probes.Wrong(f"{name}: expected a 4xx, got {answer.status}")
            probes.expect_message(answer, name)
        probes.expect_ok(await connection.send(request_bytes("GET", "/readyz")), "/readyz after")
    return f"{len(cases)} kinds of bad input were refused with 4xx and a reason"


async def _concurrency(run: _Run) -> str:
    """Different rows at once must each get their own answer: batching may not mix them up."""
    subject = run.subject
    form = probes.FORMS[0]
    rows = min(n_rows(subject.golden.inputs), 16)

    async def one(row: int) -> None:
        piece = slice(row, row + 1)
        request = form.request(
            subject.endpoint, subject.signature, take(subject.golden.inputs, piece)
        )
        expected = {name: values[piece] for name, values in subject.golden.outputs.items()}
        async with run.connect() as connection:
            for _ in range(5):
                answer = await connection.send(request)
                probes.expect_ok(answer, f"row {row}")
                probes.compare(form.read(answer), expected, subject.golden)

    # All are waited for: one left behind would disturb the tests that follow.
    for row, outcome in enumerate(
        await asyncio.gather(*map(one, range(rows)), return_exceptions=True)
    ):
        if isinstance(outcome, probes.Wrong):
            raise await _with_cause(outcome, partial(one, row))
        if outcome is not None:
            raise outcome
    return f"{rows} clients at once, 5 requests each: everybody got the answer to their own row"


async def _with_cause(problem: probes.Wrong, ask: Callable[[], Awaitable[None]]) -> probes.Wrong:
    """The problem, and whose it is: the row is asked once more, with nobody beside it."""
    try:
        await ask()
    except probes.Wrong:
        return probes.Wrong(
            f"{problem}; alone it gets another answer than among the golden rows, so the answer "
            "to a row depends on the rows beside it. Look for what works along the rows, such as a "
            "softmax or a normalisation over axis 0; docs/how-to/formats.md says what else to do"
        )
    return probes.Wrong(f"{problem}; alone it gets the right one, so batching mixed rows up")


def _single_rows(subject: Subject) -> list[bytes]:
    """Requests of one golden row each."""
    form = probes.FORMS[0]
    return [
        form.request(
            subject.endpoint,
            subject.signature,
            take(subject.golden.inputs, slice(at, at + _ROWS_PER_REQUEST)),
        )
        for at in range(0, n_rows(subject.golden.inputs), _ROWS_PER_REQUEST)
    ]


async def _alone(run: _Run, requests: Sequence[bytes]) -> dict[str, float]:
    """What requests take that wait for no other: sizing tells service from waiting by it.

    For a fifth of the load's time, and as long as the load where that makes too few.
    """
    effort = run.effort
    result = LoadResult()
    while result.seconds < effort.load_s and result.n < _ENOUGH_ALONE and not result.n_failed:
        more = await run_load(
            HOST,
            run.server.port,
            requests,
            concurrency=1,
            timeout_s=effort.answer_s,
            seconds=effort.load_s / 5,
        )
        result = result + more
    if result.n_failed:
        return {}  # the load will meet the same, and say so
    return {f"alone_{name}": value for name, value in result.spread_ms().items()}


async def _load(run: _Run) -> str:
    requests = _single_rows(run.subject)
    run.measured |= await _alone(run, requests)
    process = psutil.Process(run.server.pid)
    cpu_before = _cpu_of(process)
    warm = asyncio.create_task(_memory_after(process, run.effort.load_s / 2))
    result = await run_load(
        HOST,
        run.server.port,
        requests,
        concurrency=run.effort.concurrency,
        timeout_s=run.effort.answer_s,
        seconds=run.effort.load_s,
    )
    cpu_s = _cpu_of(process) - cpu_before
    run.measured["rss_warm_bytes"] = float(await warm)
    run.measured |= {
        **{f"{name}_ms": value for name, value in result.percentiles_ms().items()},
        "requests_per_s": result.rate,
        "n": float(result.n),
        "n_failed": float(result.n_failed),
        "cpu_s_per_request": cpu_s / max(result.n, 1),
    }
    if result.n_failed:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(result.failures.items()))
        raise probes.Wrong(
            f"{result.n_failed} of {result.n} requests with known good input failed ({kinds})"
        )
    judgement = judge(absolute(run.gates), canary=result.summary(), stable=None)
    if judgement.outcome is Outcome.FAIL:
        raise probes.Wrong(judgement.reason)
    return (
        f"{result.n:,} requests in {result.seconds:.1f} s over {run.effort.concurrency} "
        f"connections, no error, p95 {run.measured['p95_ms']:.1f} ms"
    )


async def _memory(run: _Run) -> str:
    process = psutil.Process(run.server.pid)
    before = run.measured.get("rss_warm_bytes", run.measured["rss_idle_bytes"])
    after = float(_memory_of(process))
    run.measured["rss_bytes"] = after
    grown = after - before
    if after > before * run.effort.growth and grown > run.effort.growth_bytes:
        raise probes.Wrong(
            f"memory grew from {before / 1e6:.0f} to {after / 1e6:.0f} MB "
            "in the second half of the load"
        )
    return f"{after / 1e6:.0f} MB after the load, {before / 1e6:.0f} MB half-way"


async def _memory_after(process: psutil.Process, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return _memory_of(process)


def _memory_of(process: psutil.Process) -> int:
    """Resident bytes of a process and its children."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family if member.is_running())


def _cpu_of(process: psutil.Process) -> float:
    """CPU seconds used so far by a process and its children."""
    family = [process, *process.children(recursive=True)]
    times = [member.cpu_times() for member in family if member.is_running()]
    return float(sum(t.user + t.system for t in times))
