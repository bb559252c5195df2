"""``python -m benchmarks.gateway``: read the flags, run, print, write."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.gateway import report, run
from benchmarks.gateway.library import Costs
from benchmarks.gateway.peer import Peer
from benchmarks.gateway.peers import PEERS
from benchmarks.gateway.peers.floors import FloorAsgi
from benchmarks.gateway.run import (
    Bench,
    Failure,
    Held,
    Import,
    Outcome,
    Settings,
    Start,
    Streamed,
    Timing,
)
from benchmarks.serving import load
from benchmarks.serving.environment import Environment, SetUpFailed
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill

ROOT = Path(__file__).resolve().parents[2]
SUBJECT = "seatrial"
EXIT_FAILED = 1
EXIT_UNUSABLE = 2


def main() -> int:
    """Run what the flags ask for.

    Returns: 0 when every gateway answered rightly, 1 when one did not, 2 when nothing could be run.
    """
    args = _flags()
    if problem := _unusable():
        print(problem, file=sys.stderr)
        return EXIT_UNUSABLE
    os.sched_setaffinity(0, {run.CLIENT_CORE})
    bench = Bench(
        peers=tuple(peer for peer in PEERS if peer.name in args.only),
        settings=Settings(
            rounds=args.rounds,
            duration_s=args.duration,
            warm_up_s=1,
            n_streams=20 if args.quick else 100,
            n_open=1000,
        ),
        cache=ROOT / ".venvs",
        folder=args.out,
    )
    try:
        upstream = FloorAsgi().install(bench.cache)
    except SetUpFailed as error:
        print(error, file=sys.stderr)
        return EXIT_UNUSABLE
    machine = describe()
    outcomes: list[Outcome] = []
    for outcome in run.measure(bench, upstream):
        print(_line(outcome), file=sys.stderr, flush=True)
        outcomes.append(outcome)
    if SUBJECT in args.only:
        for outcome in run.libraries(bench, upstream):
            print(_line(outcome), file=sys.stderr, flush=True)
            outcomes.append(outcome)
    left_out = {x.peer for x in outcomes if isinstance(x, Failure) and x.what == run.SET_UP}
    finished = report.Run(
        machine=machine,
        settings=bench.settings,
        titles={peer.name: peer.title for peer in bench.peers},
        duties={peer.name: peer.duties for peer in bench.peers},
        versions={p.name: _versions(p, bench) for p in bench.peers if p.name not in left_out},
        outcomes=outcomes,
    )
    _write(finished, args)
    return EXIT_FAILED if any(isinstance(x, Failure) for x in outcomes) else 0


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    known = [peer.name for peer in PEERS]

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := sorted(set(given) - set(known)):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return given

    parser.add_argument(
        "--only", type=names, default=known, metavar="A,B", help=f"gateways: {known}"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is started")
    parser.add_argument("--duration", type=float, default=4, help="seconds of each timed load")
    parser.add_argument("--quick", action="store_true", help="one round of one second: only a try")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "bench-gateway", help="for results"
    )
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the tables into"
    )
    args = parser.parse_args()
    args.out = args.out.resolve()
    if args.quick:
        args.rounds, args.duration = 1, 1
    return args


def _unusable() -> str | None:
    """Why this machine cannot run the benchmark, with the way out; None when it can."""
    if not sys.platform.startswith("linux"):
        return "The benchmark pins processes to cores and reads /proc: run it on Linux."
    if not {run.SERVER_CORE, run.CLIENT_CORE} <= os.sched_getaffinity(0):
        return "The benchmark needs cores 0 and 1: run it on a machine with at least two."
    try:
        load.require_wrk()
    except load.LoadFailed as error:
        return str(error)
    return None


def _versions(peer: Peer, bench: Bench) -> dict[str, str]:
    environment: Environment = peer.install(bench.cache)
    names = tuple(name for name, registry in peer.packages.items() if registry == "pip")
    found = environment.versions(names) if names else {}
    for name, registry in peer.packages.items():
        if registry == "npm":
            about = environment.bin.parent / name / "package.json"
            found[name] = json.loads(about.read_text())["version"]
    return found


def _line(outcome: Outcome) -> str:
    match outcome:
        case Timing(figures=f):
            return (
                f"{outcome.peer:>10} {outcome.scenario:<5} {f.rate:>9,.0f}/s  CPU "
                f"{outcome.cpu_ms:.3f}  p50 {f.p50_ms:.2f}  p99 {f.p99_ms:.2f} ms  "
                f"errors {f.n_errors}"
            )
        case Streamed():
            return (
                f"{outcome.peer:>10} first word {outcome.first_word_ms:.2f} ms  "
                f"CPU {outcome.cpu_ms:.2f} ms a stream"
            )
        case Start():
            return (
                f"{outcome.peer:>10} cold start {outcome.cold_start_s:.2f} s  "
                f"{outcome.memory_mb:.0f} MB, {outcome.loaded_mb:.0f} MB loaded"
            )
        case Held(weights=w):
            return (
                f"{outcome.peer:>10} {outcome.n_open:,} open streams "
                f"{w.streaming - w.rest:+.0f} MB, one unread {w.flooded:+.1f} MB"
            )
        case Costs():
            return (
                f"{outcome.library:>10} a structured answer {outcome.structured_ms:.2f} ms, "
                f"the call alone {outcome.raw_ms:.2f} ms"
            )
        case Import():
            return f"{SUBJECT:>10} import {outcome.took_s:.2f} s"
        case Failure():
            return f"{outcome.peer:>10} {outcome.what}: {outcome.reason}"


def _write(finished: report.Run, args: argparse.Namespace) -> None:
    text = report.markdown(finished)
    print(text)
    (args.out / "gateway.md").write_text(text)
    (args.out / "gateway.json").write_text(report.as_json(finished))
    for page in args.into:
        page.write_text(fill(page.read_text(), {"tables": text}, of="gateway"))


if __name__ == "__main__":
    sys.exit(main())
