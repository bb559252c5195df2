"""``python -m benchmarks.engines``: the same models by several engines; a page of it."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.engines import kept, net, quantised, report
from benchmarks.engines.kept import Measured
from benchmarks.engines.loads import PARTS
from benchmarks.engines.peers import PEERS
from benchmarks.serving import load, run
from benchmarks.serving.__main__ import line
from benchmarks.serving.environment import Environment
from benchmarks.serving.machine import Machine, describe
from benchmarks.serving.page import fill, marks
from benchmarks.serving.run import Bench, Failure, Outcome, Settings

ROOT = Path(__file__).resolve().parents[2]
SUBJECT = "engines"
EXIT_FAILED = 1
EXIT_UNUSABLE = 2


def main() -> int:
    """Run what the flags ask for.

    Returns: 0 when every server answered rightly, 1 when one did not, 2 when nothing could be run.
    """
    args = _flags()
    try:
        load.require_wrk()
        os.sched_setaffinity(0, {run.CLIENT_CORE})
    except (load.LoadFailed, OSError, AttributeError) as error:
        print(f"Needs Linux, cores 0 and 1, and wrk: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    machine = describe()
    failed = False
    for name in args.parts:
        measured = _measure(name, args, machine)
        kept.keep(args.out / "parts" / f"{name}.json", measured)
        failed |= any(isinstance(o, Failure) for o in measured.outcomes)
    _write(args)
    return EXIT_FAILED if failed else 0


def _measure(name: str, args: argparse.Namespace, machine: Machine) -> Measured:
    """One part."""
    part = PARTS[name]
    within = args.only if part.peers is None else [n for n in args.only if n in part.peers]
    peers = tuple(peer for peer in PEERS if peer.name in within)
    files, truth = net.prepare(args.out / "models")
    graphs: list[quantised.Quantised] = []
    if name == "int8":
        path, graphs = quantised.compare(files, args.out / "models")
        files, truth = quantised.with_int8(path, files, truth)
    bench = Bench(
        peers=peers,
        scenarios=part.scenarios,
        settings=Settings(rounds=args.rounds, duration_s=args.seconds, warm_up_s=1),
        files=files,
        truth=truth,
        cache=ROOT / ".venvs",
        folder=args.out / "servers" / name,
    )
    ready: dict[str, Environment] = {}
    outcomes: list[Outcome] = []
    for peer in peers:
        made = run.set_up(peer, bench)
        if isinstance(made, Environment):
            ready[peer.name] = made
        else:
            outcomes.append(made)
    for outcome in run.measure(bench, ready):
        print(line(outcome), file=sys.stderr, flush=True)
        outcomes.append(outcome)
    return Measured(
        machine=machine,
        day=datetime.now(UTC).date().isoformat(),
        settings=bench.settings,
        titles={peer.name: peer.title for peer in peers},
        versions={p.name: ready[p.name].versions(p.packages) for p in peers if p.name in ready},
        outcomes=outcomes,
        quantised=graphs,
    )


def _write(args: argparse.Namespace) -> None:
    """The page of the newest results of each part, and what goes into both READMEs."""
    found = {name: kept.read(args.out / "parts" / f"{name}.json") for name in PARTS}
    parts = {name: measured for name, measured in found.items() if measured is not None}
    blocks = {"tables": report.tables(parts)}
    if {"small", "net"} <= set(parts):
        blocks["summary"] = report.summary(parts)
        blocks["summary, zh"] = report.summary(parts, "zh")
    print(blocks["tables"])
    for page in args.into:
        page.write_text(fill(page.read_text(), blocks, SUBJECT))


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)

    def names(flag: str, known: list[str], what: str) -> None:
        def given(text: str) -> list[str]:
            asked = text.split(",")
            if unknown := sorted(set(asked) - set(known)):
                raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not in {', '.join(known)}")
            return [name for name in known if name in asked]

        parser.add_argument(flag, type=given, default=known, metavar="A,B", help=f"{what}: {known}")

    names("--parts", list(PARTS), "what is measured; the page has the newest results of each")
    names("--only", [peer.name for peer in PEERS], "servers")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is started")
    parser.add_argument("--seconds", type=int, default=4, help="of each timed load")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "bench-engines", help="for results"
    )
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the tables into"
    )
    args = parser.parse_args()
    if min(args.rounds, args.seconds) < 1:
        parser.error("--rounds and --seconds are 1 or more")
    for page in args.into:
        if not page.is_file() or f"<!-- {SUBJECT} benchmark, " not in page.read_text():
            parser.error(f"{page} is no page with a mark such as {marks('tables', SUBJECT)[0]}")
    args.out = args.out.resolve()
    return args


if __name__ == "__main__":
    sys.exit(main())
