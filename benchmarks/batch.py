"""Scoring a file of rows beside ONNX Runtime in a plain loop: rows a second, and memory.

python -m benchmarks.batch                   # 3 million rows of 30 features, and two text formats
python -m benchmarks.batch --rows 10000000   # one size, Parquet, in a block of its own
python -m benchmarks.batch --quick           # few rows: does it work?

Both read the same file and write their answers in the same format, in turns (`batch_loop`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from benchmarks.batch_loop import BATCH_ROWS, READERS
from benchmarks.monitor.__main__ import heading
from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill

SUBJECT = "batch"
FEATURES = 30
TIE = 1e-5
"""Probabilities so near each other are equal: sums of 200 trees in another order."""
LEARNED_ROWS = 4_000
MIB = 1 << 20
LINEAR, TREES = "linear", "200 trees"
MODELS = {LINEAR: 0, TREES: 200}
DEFAULT = {".parquet": 3_000_000, ".csv": 500_000, ".jsonl": 200_000}
QUICK = {".parquet": 30_000, ".csv": 20_000, ".jsonl": 20_000}
LEAST = 1_000_000
GOALS = {LINEAR: 1.0, TREES: 1.8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What scoring a file took.

    Args:
        seconds: without the start of the command.
        cpu_seconds: of all processes; the command's start included.
        whole_s: with the start of the command.
        alone: bytes of the command at its peak; 0 where nobody looked.
        together: with its workers, what they share counted for each.
    """

    seconds: float
    cpu_seconds: float
    whole_s: float = 0.0
    alone: int = 0
    together: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model on one file.

    Args: loops, ours: by round.
    """

    model: str
    suffix: str
    n_rows: int
    loops: Sequence[Spent]
    ours: Sequence[Spent]

    @property
    def ratio(self) -> float:
        """Rows a second of seatrial by those of the loop, each without its start."""
        return median(s.seconds for s in self.loops) / median(s.seconds for s in self.ours)

    def line(self) -> tuple[str, ...]:
        """Its row of the table."""
        loop, own = (median(s.seconds for s in found) for found in (self.loops, self.ours))
        whole = median(s.whole_s for s in self.ours)
        cpu = [median(s.cpu_seconds for s in found) for found in (self.loops, self.ours)]
        return (
            f"{self.model}, {self.suffix[1:]}, {self.n_rows:,}",
            f"{self.n_rows / loop:,.0f}",
            f"{self.n_rows / own:,.0f}",
            f"{self.ratio:.2f}",
            f"{loop / whole:.2f}",
            *(f"{seconds / self.n_rows * 1e6:.2f}" for seconds in cpu),
            f"{max(s.alone for s in self.ours) / MIB:,.0f}",
            f"{max(s.together for s in self.ours) / MIB:,.0f}",
        )


HEAD = (
    "model, format, rows", "loop, rows/s", "seatrial, rows/s", "times the loop",
    "with its start", "loop, CPU us a row", "seatrial, CPU us a row", "command, peak MiB",
    "with workers, peak MiB",
)  # fmt: skip


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    parser = argparse.ArgumentParser(prog="benchmarks.batch", description=__doc__)
    parser.add_argument("--rows", type=int, help="rows of Parquet, instead of all formats")
    parser.add_argument("--quick", action="store_true", help="few rows: does it work?")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turns")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--into", type=Path, help="page whose marked block is written")
    asked = parser.parse_args()
    block = "large" if asked.rows else "formats"
    head = heading(describe(), quick=asked.quick)
    sizes = {".parquet": asked.rows} if asked.rows else QUICK if asked.quick else DEFAULT
    text = f"{head}\n\n{report(list(cases(sizes, asked.rounds, asked.workers)), asked.workers)}"
    print(text)
    if asked.into:
        asked.into.write_text(fill(asked.into.read_text("utf-8"), {block: text}, SUBJECT), "utf-8")
    return 0


def report(found: Sequence[Case], workers: int) -> str:
    """The tables of the page."""
    rounds = len(found[0].ours)
    goals = [
        Goal(
            what=f"{case.model}, {case.n_rows:,} rows of Parquet: times as fast as the loop",
            goal=f">= {GOALS[case.model]:g}",
            reached=f"{case.ratio:.2f}",
            met=case.ratio >= GOALS[case.model] if case.n_rows >= LEAST else None,
        )
        for case in found
        if case.suffix == ".parquet"
    ]
    table = markdown_table(HEAD, [case.line() for case in found])
    return (
        f"{FEATURES} features, {workers} workers, medians of {rounds} in turns.\n\n"
        f"{table}\n\n{goal_table(goals)}"
    )


def cases(sizes: Mapping[str, int], rounds: int, workers: int) -> Iterator[Case]:
    """Measure each model on each file."""
    with tempfile.TemporaryDirectory(prefix="seatrial-batch-") as scratch:
        folder = Path(scratch)
        bundles = {name: made_bundle(folder / name, trees) for name, trees in MODELS.items()}
        for suffix, n in sizes.items():
            data = rows_of(folder, n, suffix)
            for name, bundle in bundles.items():
                loops, ours = [], []
                for _ in range(rounds):
                    sys.stderr.write(f"{name}, {n:,} rows of {suffix[1:]} ...\n")
                    loops.append(loop(bundle, data, folder / f"loop{suffix}"))
                    ours.append(scored(bundle, data, folder / f"ours{suffix}", workers))
                check(folder, suffix)
                yield Case(model=name, suffix=suffix, n_rows=n, loops=loops, ours=ours)
            data.unlink()


def made_bundle(folder: Path, trees: int) -> Path:
    """A classifier as `seatrial deploy` would package it.   Args: trees: 0 for a linear one."""
    import joblib
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    from seatrial.adapters.serving.onnxruntime import OnnxEngine
    from seatrial.packaging.assemble import assemble
    from seatrial.packaging.sample import Sample
    from seatrial.packaging.source import Source
    from seatrial.serving.spawn import ChildLimits

    folder.mkdir()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(LEARNED_ROWS, FEATURES)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    model: Any = (
        GradientBoostingClassifier(n_estimators=trees, random_state=0)
        if trees
        else LogisticRegression()
    )
    joblib.dump(model.fit(x, y), folder / "model.joblib")
    columns: dict[str, Any] = {f"x{i}": x[:, i].astype(np.float64) for i in range(FEATURES)}
    source = Source(
        model=folder / "model.joblib",
        name="model",
        sample=Sample(columns=columns, n_rows=len(x), n_total=len(x)),
        label=None,
    )
    return assemble(
        source,
        folder / "bundles",
        open_graph=OnnxEngine,
        limits=ChildLimits(),
        say=lambda *_: None,
        progress=lambda *_: None,
    ).bundle.path


def rows_of(folder: Path, n: int, suffix: str) -> Path:
    """A file of random rows, written piece by piece."""
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    rng = np.random.default_rng(1)
    path, writer = folder / f"{n}{suffix}", None
    for start in range(0, n, 100_000):
        x = rng.normal(size=(min(100_000, n - start), FEATURES)).astype(np.float32)
        table = pa.table({f"x{i}": x[:, i] for i in range(FEATURES)})
        if suffix == ".jsonl":
            with path.open("ab") as file:
                option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
                names = table.column_names
                file.writelines(
                    orjson.dumps(dict(zip(names, r, strict=True)), option=option) for r in x
                )
            continue
        if writer is None and suffix == ".csv":
            writer = csv.CSVWriter(path, table.schema)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return path


def loop(bundle: Path, data: Path, into: Path) -> Spent:
    """The plain loop, its start and the loading of its libraries left out."""
    (graph,) = bundle.glob("**/model.onnx")
    program = Path(__file__).with_name("batch_loop.py")
    command = [sys.executable, str(program), str(graph), str(data), str(into)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Spent(**json.loads(done.stdout))


def scored(bundle: Path, data: Path, into: Path, workers: int) -> Spent:
    """The whole command."""
    command = [sys.executable, "-m", "seatrial", "predict", str(bundle), str(data)]
    options = ["--into", str(into), "--overwrite", "--json", "--workers", str(workers)]
    options += ["--home", str(into.with_name("home")), "--batch-rows", str(BATCH_ROWS)]
    begun, cpu = time.perf_counter(), of_children()
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    watched = psutil.Process(process.pid)
    alone = total = 0
    while process.poll() is None:
        own, children = resident(watched), 0
        for child in watched.children(recursive=True) if own else ():
            children += resident(child)
        alone, total = max(alone, own), max(total, own + children)
        time.sleep(0.05)
    whole_s = time.perf_counter() - begun
    assert process.returncode == 0
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    return Spent(
        seconds=told["seconds"],
        cpu_seconds=of_children() - cpu,
        whole_s=whole_s,
        alone=alone,
        together=total,
    )


def of_children() -> float:
    """Processor seconds of all children that ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(process: psutil.Process) -> int:
    """Bytes in memory; 0 of a process that has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def check(folder: Path, suffix: str) -> None:
    """Both wrote the same answers; a label may be the other one where both are as likely."""
    (labels, likely), (own_labels, own_likely) = (
        [
            np.concatenate([batch.column(c).to_numpy() for batch in READERS[suffix](str(path))])
            for c in (name, "probabilities.1")
        ]
        for path, name in (
            (folder / f"loop{suffix}", "label.0"),
            (folder / f"ours{suffix}", "label"),
        )
    )
    assert np.allclose(likely, own_likely, rtol=0, atol=TIE)
    sure = np.abs(likely - 0.5) > TIE
    assert np.array_equal(labels[sure], own_labels[sure])


if __name__ == "__main__":
    raise SystemExit(main())
