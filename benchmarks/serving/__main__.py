"""``python -m benchmarks.serving``: read the flags, run, print, write."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.serving import load, report, run
from benchmarks.serving.environment import Environment
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill
from benchmarks.serving.peers import NAMES, every
from benchmarks.serving.run import Bench, Failure, Loaded, Outcome, Settings, Start, Timing
from benchmarks.serving.scenario import SCENARIOS, Model
from benchmarks.serving.truth import prepare

ROOT = Path(__file__).resolve().parents[2]
EXIT_FAILED = 1
EXIT_UNUSABLE = 2


def main() -> int:
    """Run what the flags ask for.

    Returns: 0 when every server answered rightly, 1 when one did not, 2 when nothing could be run.
    """
    args = _flags()
    if problem := _unusable():
        print(problem, file=sys.stderr)
        return EXIT_UNUSABLE
    os.sched_setaffinity(0, {run.CLIENT_CORE})
    peers = tuple(p for p in every(dict(args.bundle)) if p.name in args.only)
    files, truth = prepare(args.out / "models")
    bench = Bench(
        peers=peers,
        scenarios=tuple(s for s in SCENARIOS if s.name in args.scenarios),
        settings=Settings(rounds=args.rounds, duration_s=args.duration, warm_up_s=1),
        files=files,
        truth=truth,
        cache=ROOT / ".venvs",
        folder=args.out,
    )
    ready, outcomes = _set_up(bench)
    machine = describe()
    for outcome in run.measure(bench, ready):
        print(line(outcome), file=sys.stderr, flush=True)
        outcomes.append(outcome)
    finished = report.Run(
        machine=machine,
        settings=bench.settings,
        scenarios=bench.scenarios,
        titles={p.name: p.title for p in peers},
        versions={p.name: ready[p.name].versions(p.packages) for p in peers if p.name in ready},
        n_left_out=truth.n_left_out,
        outcomes=outcomes,
    )
    _write(finished, args)
    return EXIT_FAILED if any(isinstance(x, Failure) for x in outcomes) else 0


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    _choice(parser, "--only", list(NAMES), "servers")
    _choice(parser, "--scenarios", [s.name for s in SCENARIOS], "loads")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is started")
    parser.add_argument("--duration", type=float, default=5, help="seconds of each timed load")
    parser.add_argument("--quick", action="store_true", help="one round of one second: only a try")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="for results")
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the tables into"
    )
    parser.add_argument(
        "--bundle",
        type=_bundle,
        action="append",
        default=[],
        metavar="MODEL=DIR",
        help="serve seatrial's MODEL from a bundle folder instead of deploying it",
    )
    args = parser.parse_args()
    args.out = args.out.resolve()
    if args.quick:
        args.rounds, args.duration = 1, 1
    return args


def _bundle(text: str) -> tuple[str, Path]:
    model, _, folder = text.partition("=")
    if model not in set(Model) or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: not a model of {list(Model)} and a folder")
    return model, Path(folder).resolve()


def _choice(parser: argparse.ArgumentParser, flag: str, known: list[str], what: str) -> None:
    """A flag that takes some of the known names, separated by commas; all by default."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := sorted(set(given) - set(known)):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return given

    parser.add_argument(flag, type=names, default=known, metavar="A,B", help=f"{what}: {known}")


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


def _set_up(bench: Bench) -> tuple[dict[str, Environment], list[Outcome]]:
    ready: dict[str, Environment] = {}
    outcomes: list[Outcome] = []
    for peer in bench.peers:
        made = run.set_up(peer, bench)
        if isinstance(made, Failure):
            outcomes.append(made)
        else:
            ready[peer.name] = made
    return ready, outcomes


def line(outcome: Outcome) -> str:
    """A result, as it is told while the run goes on."""
    match outcome:
        case Timing(peer=peer, scenario=scenario, figures=f):
            return (
                f"{peer:>10} {scenario:<12} {f.rate:>9,.0f}/s  p50 {f.p50_ms:.2f}  "
                f"p95 {f.p95_ms:.2f}  p99 {f.p99_ms:.2f} ms  errors {f.n_errors}"
            )
        case Start(peer=peer, model=model):
            return (
                f"{peer:>10} {model:<12} cold start {outcome.cold_start_s:.2f} s  "
                f"{outcome.memory_mb:.0f} MB in {outcome.n_processes} processes"
            )
        case Loaded(peer=peer, model=model):
            return f"{peer:>10} {model:<12} {outcome.memory_mb:.0f} MB after its loads"
        case Failure():
            return f"{outcome.peer:>10} {outcome.what}: {outcome.reason}"


def _write(finished: report.Run, args: argparse.Namespace) -> None:
    text = report.markdown(finished)
    blocks = {"tables": text, "summary": report.summary(finished)}
    blocks["summary, zh"] = report.summary(finished, "zh")
    print(text)
    (args.out / "serving.md").write_text(text)
    (args.out / "serving.json").write_text(report.as_json(finished))
    for page in args.into:
        page.write_text(fill(page.read_text(), blocks))


if __name__ == "__main__":
    sys.exit(main())
