"""``python -m benchmarks.features``: rounds in turns, then medians and the goal; a training set.

python -m benchmarks.features                 # five rounds of 1,000 reads
python -m benchmarks.features --quick         # one round of 100: does it work?
python -m benchmarks.features --feast PYTHON  # an interpreter that has Feast already
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.features import ours
from benchmarks.features.training import training_report
from benchmarks.monitor.goals import at_most, goal_table, markdown_table
from benchmarks.serving.environment import ensure
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill, marks
from seatrial.adapters.features.feast_child import FeastChild
from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.feast_scaffold import write_repository

ROOT = Path(__file__).resolve().parents[2]
FEAST = "feast[redis,postgres]==0.67.0"
SUBJECT = "features"
POSTGRES = "SEATRIAL_TEST_POSTGRES_URL"
MOST_ADDED_MS = 0.3
"""What a lookup may add to a prediction over Feast's own read, at the median."""


class Feast:
    """The process that reads by Feast."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("feast_reads.py")
        self._process = subprocess.Popen(
            [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd=script.parent,
        )  # fmt: skip

    def ask(self, **told: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n", type=int, default=1000, help="reads of a round")
    parser.add_argument("--quick", action="store_true", help="one round of 100: does it work?")
    parser.add_argument("--feast", type=Path, help="an interpreter that has Feast")
    parser.add_argument("--into", type=Path, action="append", default=[], help="a page to fill")
    asked = parser.parse_args()
    begin = marks("reads", SUBJECT)[0]
    for page in asked.into:
        if begin not in page.read_text("utf-8"):
            parser.error(f"{page} has no line {begin}")
    rounds, n = (1, 100) if asked.quick else (asked.rounds, asked.n)
    python = asked.feast or ensure(ROOT / ".venvs" / "bench-feast", (FEAST,)).python
    python = python.absolute()
    machine = describe()
    told = [f"Measured on {datetime.now(UTC).date()}, Feast {FEAST.partition('==')[2]}: "
            f"{machine.description}; {machine.busy_share:.0%} busy beforehand."]  # fmt: skip
    if asked.quick:
        told.append("**With `--quick`: one short round. This shows that it works, no more.**")
    blocks = {"heading": "\n\n".join(told)}
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folders = _made(stack, base, python)
        blocks["reads"] = _reads(stack, folders, python, n=n, rounds=rounds, quick=asked.quick)
        blocks["training"] = training_report(
            folders["sqlite"], python, base, n_rows=20_000 if asked.quick else 1_000_000
        )
    for block in blocks.values():
        print(f"{block}\n")
    for page in asked.into:
        page.write_text(fill(page.read_text("utf-8"), blocks, SUBJECT), "utf-8")
    return 0


def _made(stack: ExitStack, base: Path, python: Path) -> dict[str, Path]:
    """A repository for each online store, materialized."""
    folders = {name: _repository(base / name, text) for name, text in _stores(stack, base)}
    for folder in folders.values():
        with FeastChild(folder, python=str(python)) as child:
            child.apply()
            end_s = time.time()
            told = child.materialize(start_s=end_s - 3 * 86_400, end_s=end_s)
            open_folder(folder).keep(told)
    return folders


def _reads(
    stack: ExitStack, folders: Mapping[str, Path], python: Path, *, n: int, rounds: int, quick: bool
) -> str:
    feast = Feast(python)
    stack.callback(feast.close)
    rows, goals = [], []
    for name, folder in folders.items():
        for keys in (1, 100):
            some = n if keys == 1 else n // 5
            row, over_ms = _measure(feast, name, folder, keys=keys, n=some, rounds=rounds)
            rows.append(row)
            print(" | ".join(row), file=sys.stderr, flush=True)
            if keys == 1:
                what = f"{name}: a lookup of one key adds, over Feast's own read, p50"
                goals.append(at_most(what, over_ms, MOST_ADDED_MS, "ms", full=not quick))
    note = f"{rounds} rounds of {n:,} reads in turns, medians of rounds, milliseconds."
    return f"{note}\n\n{markdown_table(_HEAD, rows)}\n\n{goal_table(goals)}"


_HEAD = (
    "store",
    "keys",
    "Feast's read p50 / p95",
    "CPU",
    "our read p50",
    "whole row p50",
    "entity p50 / p95",
    "a lookup adds p50",
    "CPU",
    "of 16 at once each",
)


def _measure(
    feast: Feast, name: str, folder: Path, *, keys: int, n: int, rounds: int
) -> tuple[list[str], float]:
    """A row of the table, and what a lookup adds over Feast's own read, in milliseconds."""
    theirs, own = [], []
    for _ in range(rounds):
        theirs.append(feast.ask(folder=str(folder), keys=keys, n=n))
        own.append(ours.run(folder, keys=keys, n=n))
    read = {key: median(one[key] for one in theirs) for key in theirs[0]}
    whole = {key: median(one["whole"][key] for one in own) for key in own[0]["whole"]}
    named = {key: median(one["named"][key] for one in own) for key in own[0]["named"]}
    added = median(one["named"]["p50_ms"] - one["whole"]["p50_ms"] for one in own)
    row = [
        name,
        str(keys),
        f"{read['p50_ms']:.3f} / {read['p95_ms']:.3f}",
        f"{read['cpu_ms']:.3f}",
        f"{median(one['read_ms'] for one in own):.3f}",
        f"{whole['p50_ms']:.3f}",
        f"{named['p50_ms']:.3f} / {named['p95_ms']:.3f}",
        f"{added:.3f}",
        f"{named['cpu_ms'] - whole['cpu_ms']:.3f}",
        f"{median(one['sixteen_ms'] for one in own):.3f}",
    ]
    return row, added - read["p50_ms"]


def _repository(folder: Path, online: str) -> Path:
    settings, *_ = write_repository(folder, project=f"on_{folder.name}", now=datetime.now(UTC))
    text = re.sub(r"online_store:\n(  .*\n)+", online, settings.read_text())
    settings.write_text(text)
    return folder


def _stores(stack: ExitStack, base: Path) -> Iterator[tuple[str, str]]:
    yield "sqlite", "online_store:\n  type: sqlite\n  path: data/online.db\n"
    if shutil.which("redis-server"):
        port = stack.enter_context(_redis(base))
        yield "redis", f"online_store:\n  type: redis\n  connection_string: 127.0.0.1:{port}\n"
    if POSTGRES in os.environ:
        parts = urlsplit(os.environ[POSTGRES])
        options: Mapping[str, object] = {
            "host": parts.hostname, "port": parts.port, "database": parts.path[1:],
            "user": parts.username, "password": parts.password, "sslmode": "disable",
        }  # fmt: skip
        lines = "".join(f"  {key}: {value}\n" for key, value in options.items())
        yield "postgres", f"online_store:\n  type: postgres\n{lines}"


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
