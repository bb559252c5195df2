"""``python -m benchmarks.scale``: many replicas whose summaries meet at one judge, over a broker.

Each replica is a real `serving.record.Recorder`. Its slices travel as messages, one a slice, named
by replica and number; whoever reads drops names it knows, keeps the slices in a store, and the
real judge reads them there. Replicas may report late, or each message twice.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.monitor.goals import markdown_table
from benchmarks.serving.page import fill
from seatrial.events.broker import Broker, Delivery, Message
from seatrial.events.journal import print_of
from seatrial.kernel.store import Slice
from seatrial.release.evidence import Evidence
from seatrial.release.gate_config import GateConfig
from seatrial.release.judge import judge
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Outcome
from seatrial.serving.outcome import ERROR, OK
from seatrial.serving.record import Recorder
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

SUBJECT = "scale"
ENDPOINT, STABLE, CANARY, REVISION = "churn", 1, 2, 1
START = datetime(2030, 1, 1, tzinfo=UTC)
GATES = GateConfig.model_validate(
    {"error_rate": 0.01, "p95_ms": 250, "against_stable": {"error_rate": 0.005}}
).gates()
_RATES = {STABLE: 19, CANARY: 1}
_PAGE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Who reports, and how.

    Args:
        n: replicas, each answering 19 requests a second with the stable version and 1 with the
            canary.
        seconds: how long; every replica hands its slices on once a second.
        late_s: so long a tenth of the replicas hold back what they have.
        twice: whether another tenth send every message twice.
        errors: share of the canary's answers that are errors; the stable's are 1 in 1,000.
    """

    n: int
    seconds: int
    late_s: int = 0
    twice: bool = False
    errors: float = 0.001


@dataclass(slots=True)
class Found:
    """What became of it; times in seconds."""

    outcome: Outcome = Outcome.INCONCLUSIVE
    decided_s: int | None = None
    sums: dict[int, bytes] = field(default_factory=dict)
    n_answers: int = 0
    n_messages: int = 0
    n_repeated: int = 0
    n_bytes: int = 0
    made_s: float = 0.0
    merged_s: float = 0.0
    judged_s: float = 0.0


class _Outbox:
    """`kernel.store.Slices` as far as a recorder goes: slices become messages."""

    def __init__(self, replica: int) -> None:
        self.messages: list[Message] = []
        self._replica = replica
        self._next = 0

    def add_slices(self, slices: Sequence[Slice]) -> None:
        for one in slices:
            self._next += 1
            record = {
                "source": one.worker,
                "id": str(self._next),
                "version": one.version,
                "revision": one.revision,
                "start": one.start.isoformat(),
                "width_s": one.width_s,
                "summary": base64.b64encode(one.summary).decode(),
            }
            self.messages.append(Message(key=one.worker, body=json.dumps(record).encode()))


def simulate(fleet: Fleet, broker: Broker, topic: str, *, seed: int = 0) -> Found:
    """Have a fleet report over a broker, and judge every second; what is late comes in the end."""
    rng = np.random.default_rng(seed)
    clock, store, found = FakeClock(START), MemoryStore(), Found()
    publisher, reader = broker.publisher(), broker.reader(topic, "judge")
    recorders = [Recorder(worker=f"replica-{k}", clock=clock) for k in range(fleet.n)]
    outboxes = [_Outbox(k) for k in range(fleet.n)]
    held: dict[int, list[Message]] = {}
    evidence, known = Evidence(store, ENDPOINT), set[str]()
    for second in range(fleet.seconds + fleet.late_s):
        clock.advance(1.0)
        due = held.pop(second, [])
        for k, (recorder, outbox) in enumerate(zip(recorders, outboxes, strict=True)):
            if second >= fleet.seconds:
                break
            _answer(recorder, rng, fleet.errors)
            begun = time.process_time()
            recorder.flush(outbox)  # type: ignore[arg-type]
            found.made_s += time.process_time() - begun
            sent, outbox.messages = outbox.messages, []
            found.n_bytes += sum(len(one.body) for one in sent)
            if k % 10 == 0 and fleet.late_s:
                held.setdefault(second + fleet.late_s, []).extend(sent)
            else:
                due += sent * (2 if k % 10 == 5 and fleet.twice else 1)
        publisher.publish(topic, due)
        found.n_messages += len(due)
        begun = time.process_time()
        left = len(due)
        while left:
            deliveries = reader.receive(limit=_PAGE, wait_s=5.0)
            left -= len(deliveries)
            fresh = list(_fresh(deliveries, known))
            found.n_repeated += len(deliveries) - len(fresh)
            store.add_slices(fresh)
            reader.settle(deliveries)
        evidence.refresh()
        found.merged_s += time.process_time() - begun
        _judge(evidence, second + 1, found)
    found.sums = {v: evidence.of(v, revision=REVISION).encode() for v in _RATES}
    found.n_answers = sum(evidence.of(v, revision=REVISION).n for v in _RATES)
    publisher.close()
    reader.close()
    return found


def _answer(recorder: Recorder, rng: np.random.Generator, canary_errors: float) -> None:
    for version, n in _RATES.items():
        observe = recorder.observer(ENDPOINT, version, REVISION)
        rate = canary_errors if version == CANARY else 0.001
        for latency_s, broken in zip(
            rng.lognormal(-3.5, 0.5, n), rng.random(n) < rate, strict=True
        ):
            observe(float(latency_s), ERROR + "failed" if broken else OK)


def _fresh(deliveries: Sequence[Delivery], known: set[str]) -> Iterator[Slice]:
    """Slices that were not there before."""
    for delivery in deliveries:
        record = json.loads(delivery.body)
        name = print_of(record["source"], record["id"])
        if name in known:
            continue
        known.add(name)
        yield Slice(
            endpoint=ENDPOINT,
            version=record["version"],
            revision=record["revision"],
            worker=record["source"],
            start=datetime.fromisoformat(record["start"]),
            width_s=record["width_s"],
            summary=base64.b64decode(record["summary"]),
        )


def _judge(evidence: Evidence, second: int, found: Found) -> None:
    """Look, as the controller does at every tick; the first PASS or FAIL is final."""
    if found.decided_s is not None:
        return
    canary, stable = (evidence.of(v, revision=REVISION) for v in (CANARY, STABLE))
    begun = time.process_time()
    outcome = judge(GATES, canary, stable).outcome
    found.judged_s = max(found.judged_s, time.process_time() - begun)
    if outcome in (Outcome.PASS, Outcome.FAIL):
        found.outcome, found.decided_s = outcome, second


def total(found: Found, version: int) -> Summary:
    """Everything that was counted of a version."""
    return Summary.decode(found.sums[version])


CASES: dict[str, dict[str, object]] = {
    "on time": {},
    "a tenth 10 s late": {"late_s": 10},
    "a tenth twice": {"twice": True},
    "a tenth late, a tenth twice": {"late_s": 10, "twice": True},
}


def report(broker: Broker, *, n: int, seconds: int) -> str:
    """The tables of the page."""
    rows, costs = [], ""
    for errors, name in ((0.004, "0.4 % errors"), (0.01, "1 % errors")):
        for what, how in CASES.items():
            fleet = Fleet(n=n, seconds=seconds, errors=errors, **how)  # type: ignore[arg-type]
            found = simulate(fleet, broker, f"scale-{name}-{what}")
            flushes = n * seconds
            after = "–" if found.decided_s is None else f"{found.decided_s} s"
            counted = f"{found.n_answers:,} of {flushes * sum(_RATES.values()):,}"
            rows.append([name, what, found.outcome.value, after, counted, f"{found.n_repeated:,}"])
            costs = costs or _costs(found, flushes, seconds)
    head = ["version", "replicas report", "verdict", "after", "answers counted", "dropped"]
    return f"{costs}\n\n{markdown_table(head, rows)}"


def _costs(found: Found, flushes: int, seconds: int) -> str:
    rows = [
        ("a replica sends", f"{found.n_bytes / flushes:,.0f} bytes a second"),
        ("a replica's CPU for it", f"{1e6 * found.made_s / flushes:,.0f} µs a second"),
        ("whoever merges, in all", f"{found.merged_s / seconds:.2f} CPU seconds a second"),
        ("the same, of one replica", f"{1e6 * found.merged_s / flushes:,.0f} µs a second"),
        ("one look of the judge, at most", f"{1e3 * found.judged_s:.1f} ms"),
    ]
    return markdown_table(["cost", ""], rows)


@contextmanager
def _redis() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        words = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        process = subprocess.Popen([*words, "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with socket.socket() as there:
                    if there.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


def main(arguments: Sequence[str]) -> int:
    """Simulate, print, and write the page."""
    from seatrial.adapters.events.redis import RedisBroker

    parser = argparse.ArgumentParser(prog="benchmarks.scale")
    parser.add_argument("--replicas", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--into", type=Path, help="page whose marked block is written")
    options = parser.parse_args(arguments)
    with _redis() as url:
        tables = report(RedisBroker(url), n=options.replicas, seconds=options.seconds)
    day = datetime.now(UTC).date()
    said = f"Simulated on {day}: {options.replicas:,} replicas, {options.seconds} s, one process, "
    text = f"{said}a real Redis; seeds are fixed.\n\n{tables}"
    print(text)
    if options.into:
        page = fill(options.into.read_text("utf-8"), {"report": text}, SUBJECT)
        options.into.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
