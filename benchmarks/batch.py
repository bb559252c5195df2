"""Scoring a file of rows beside plain ONNX Runtime in a loop: rows a second, and memory.

python benchmarks/batch.py                   # 1 and 3 million rows of 30 features
python benchmarks/batch.py --rows 10000000   # one size, for a quiet machine
python benchmarks/batch.py --quick           # 40,000 and 120,000: does it work?

Both read the same Parquet file and write their answers as Parquet. The loop reads as many rows at
once, calls the session and writes; it checks nothing, and its session has all cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

FEATURES = 30
BATCH_ROWS = 50_000
LEARNED_ROWS = 4_000
MIB = 1 << 20

LOOP = """
import sys, time
import numpy as np, onnxruntime, pyarrow as pa, pyarrow.parquet as pq
graph, data, into, batch_rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
session = onnxruntime.InferenceSession(graph)
name, outputs = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
begun, writer = time.perf_counter(), None
with pq.ParquetFile(data) as file:
    for batch in file.iter_batches(batch_rows):
        rows = np.stack([c.to_numpy() for c in batch.columns], axis=1).astype(np.float32)
        columns = {}
        for output, values in zip(outputs, session.run(None, {name: rows})):
            flat = values.reshape(len(values), -1)
            columns |= {f"{output}.{i}": flat[:, i] for i in range(flat.shape[1])}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(into, table.schema, compression="zstd")
        writer.write_table(table)
writer.close()
print(time.perf_counter() - begun)
"""


def main() -> int:
    """Run what the flags ask for.   Returns: 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, action="append", help="rows; may be repeated")
    parser.add_argument("--quick", action="store_true", help="few rows: does it work?")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turns")
    parser.add_argument("--trees", type=int, default=50, help="of the model; 0 for a linear one")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    sizes = [40_000, 120_000] if asked.quick else asked.rows or [1_000_000, 3_000_000]
    with tempfile.TemporaryDirectory(prefix="seatrial-batch-") as scratch:
        folder = Path(scratch)
        bundle = made_bundle(folder, asked.trees)
        print(f"{asked.trees or 'no'} trees, {FEATURES} features, {asked.workers} workers")
        print(
            "| rows | loop, rows/s | seatrial, rows/s | ratio | of the scoring alone "
            "| peak, command | peak, with workers |"
        )
        print("|---|---|---|---|---|---|---|")
        for n in sizes:
            print(line(folder, bundle, n, asked.rounds, asked.workers), flush=True)
    return 0


def made_bundle(folder: Path, trees: int) -> Path:
    """A classifier as `seatrial deploy` would package it."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    from seatrial.adapters.onnxruntime import OnnxEngine
    from seatrial.packaging.assemble import assemble
    from seatrial.packaging.sample import Sample
    from seatrial.packaging.source import Source
    from seatrial.serving.spawn import ChildLimits

    rng = np.random.default_rng(0)
    x = rng.normal(size=(LEARNED_ROWS, FEATURES)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    model: Any = GradientBoostingClassifier(n_estimators=trees) if trees else LogisticRegression()
    import joblib

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


def line(folder: Path, bundle: Path, n: int, rounds: int, workers: int) -> str:
    """A row of the table: the best of some rounds of each."""
    data = rows_of(folder, n)
    loops, ours, alone, peaks, sums = [], [], [], [], []
    for _ in range(rounds):
        loops.append(loop(bundle, data, folder / "loop.parquet"))
        seconds, told, peak, total = scored(bundle, data, folder / "ours.parquet", workers)
        assert told["scored"] == n
        ours.append(seconds)
        alone.append(told["seconds"])
        peaks.append(peak)
        sums.append(total)
    check(folder)
    data.unlink()
    slow, fast = n / min(loops), n / min(ours)
    return (
        f"| {n:,} | {slow:,.0f} | {fast:,.0f} | {fast / slow:.2f} | {n / min(alone) / slow:.2f} "
        f"| {max(peaks) / MIB:,.0f} MiB | {max(sums) / MIB:,.0f} MiB |"
    )


def rows_of(folder: Path, n: int) -> Path:
    """A file of random rows, written piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    path, writer = folder / f"{n}.parquet", None
    for start in range(0, n, 100_000):
        x = rng.normal(size=(min(100_000, n - start), FEATURES)).astype(np.float32)
        table = pa.table({f"x{i}": x[:, i] for i in range(FEATURES)})
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def loop(bundle: Path, data: Path, into: Path) -> float:
    """Seconds of the plain loop, its start and the loading of its libraries left out."""
    (graph,) = bundle.glob("**/model.onnx")
    command = [sys.executable, "-c", LOOP, graph, data, into, str(BATCH_ROWS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def scored(
    bundle: Path, data: Path, into: Path, workers: int
) -> tuple[float, dict[str, Any], int, int]:
    """Seconds of the whole command, what it said, and its peaks of memory: alone, with workers."""
    command = [sys.executable, "-m", "seatrial", "predict", str(bundle), str(data)]
    options = ["--into", str(into), "--overwrite", "--json", "--workers", str(workers)]
    options += ["--home", str(into.with_name("home")), "--batch-rows", str(BATCH_ROWS)]
    begun = time.perf_counter()
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
    seconds = time.perf_counter() - begun
    assert process.returncode == 0
    assert process.stdout is not None
    return seconds, json.loads(process.stdout.read()), alone, total


def resident(process: psutil.Process) -> int:
    """Bytes in memory; 0 of a process that has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def check(folder: Path) -> None:
    """Both wrote the same labels."""
    import pyarrow.parquet as pq

    with (
        pq.ParquetFile(folder / "loop.parquet") as one,
        pq.ParquetFile(folder / "ours.parquet") as other,
    ):
        assert one.metadata.num_rows == other.metadata.num_rows
        pairs = zip(
            one.iter_batches(BATCH_ROWS, columns=["label.0"]),
            other.iter_batches(BATCH_ROWS, columns=["label"]),
            strict=True,
        )
        assert all(a.column(0).equals(b.column(0)) for a, b in pairs)


if __name__ == "__main__":
    raise SystemExit(main())
