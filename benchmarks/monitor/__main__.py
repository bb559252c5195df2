"""``python -m benchmarks.monitor``: run the watch's benchmarks, print a report, write the page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.monitor import (
    awkward,
    embeddings,
    false_alarms,
    few_labels,
    importance,
    many_names,
    replays,
    sources,
    speed,
)
from benchmarks.serving.machine import Machine, describe
from benchmarks.serving.page import fill, marks
from benchmarks.serving.report import BUSY_SHARE_LIMIT

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SUBJECT = "monitor"

Report = Callable[..., str]


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    options = _flags()
    machine = describe()
    blocks = {"machine": heading(machine, quick=options.quick)}
    for name, work in benchmarks(options.data).items():
        if name in options.only:
            sys.stderr.write(f"{name} ...\n")
            blocks[name] = work(quick=options.quick)
    for name, text in blocks.items():
        print(f"## {name}\n\n{text}\n" if name != "machine" else f"{text}\n", flush=True)
    for page in options.into:
        page.write_text(fill(page.read_text(), blocks, SUBJECT))
    return 0


def benchmarks(data: Path) -> dict[str, Report]:
    """What there is, by name, in the order of the page.   Args: the folder of the streams."""
    return {
        "speed": speed.report,
        "sources": sources.report,
        "awkward": awkward_report,
        "false_alarms": false_alarms.report,
        "many_names": many_names.report,
        "embeddings": embeddings.report,
        "replays": partial(replays.report, data=data),
        "few_labels": few_labels.report,
        "importance": partial(importance.report, data=data),
    }


def awkward_report(*, quick: bool) -> str:
    """What `awkward.report` says, without its count."""
    return awkward.report(quick=quick)[0]


def heading(machine: Machine, *, quick: bool) -> str:
    """On what, and whether the figures may be believed."""
    day = datetime.now(UTC).date()
    lines = [f"Measured on {machine.description}, {day}."]
    if quick:
        lines.append("**With `--quick`: fewer rows and runs. This shows that it works, no more.**")
    if machine.busy_share > BUSY_SHARE_LIMIT:
        lines.append(
            f"**The machine was not quiet: {machine.busy_share:.0%} of it was busy before the run. "
            "Costs are too high by as much as others slowed it down.**"
        )
    return "\n\n".join(lines)


def _flags() -> argparse.Namespace:
    known = list(benchmarks(DATA))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__)
    parser.add_argument("--only", type=_names(known), default=known, metavar="A,B", help=f"{known}")
    parser.add_argument("--quick", action="store_true", help="fewer rows and runs: does it work?")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the streams to replay")
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the results into"
    )
    options = parser.parse_args()
    for page in options.into:
        begin = marks("machine", SUBJECT)[0]
        if not page.is_file() or begin not in page.read_text():
            parser.error(f"{page} is no page with the mark {begin}")
    return options


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := sorted(set(given) - set(known)):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return given

    return names


if __name__ == "__main__":
    sys.exit(main())
