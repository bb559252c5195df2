"""What following the prediction log costs: processor time for 1,000 logged rows and their labels.

python -m benchmarks.monitor.performance_cost            parts of 1,000 rows
python -m benchmarks.monitor.performance_cost --part 100

A classifier of two classes and ten features; parts as a server's converter writes them, read, taken
into a ledger on the disk and judged, in the steady state: all steps that are kept are there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.adapters.tables.parquet_log import convert, folder_name
from seatrial.monitoring.performance.labels import Keeping
from seatrial.monitoring.performance.served_reference import Origin, learn_reference
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.sample import Record, encode, values_of
from seatrial.serving.spool import Spool
from seatrial.testing.clock import FakeClock
from seatrial.wiring.watching.prediction_log import VersionLog

N_FEATURES = 10
WARM_ROWS = 80_000
SIGNATURE = Signature(
    features=tuple(Feature(name=f"x{i}", dtype=Dtype.FLOAT64) for i in range(N_FEATURES)),
    outputs=(
        Output(name="label", dtype=Dtype.INT64),
        Output(name="probabilities", dtype=Dtype.FLOAT64, width=2, classes=(0, 1)),
    ),
    task=Task.CLASSIFICATION,
    matrix=True,
)


def logged(folder: Path, clock: FakeClock, first: int, n: int) -> None:
    """Write a part of the log as a server does."""
    rng = np.random.default_rng(first)
    second = 1 / (1 + np.exp(-2 * rng.normal(size=n)))
    spool = Spool(folder / "spool", name="w0", clock=clock)
    spool.append(
        [
            encode(
                Record(
                    request_id=f"r{first + i}",
                    at=1.75e9 + 1e-3 * (first + i),
                    endpoint="bench",
                    version=1,
                    revision=1,
                    outcome="ok",
                    latency_s=0.001,
                    n_rows=1,
                    rows=1,
                    inputs={f"x{j}": values_of(rng.normal(size=1)) for j in range(N_FEATURES)},
                    outputs={
                        "label": values_of(np.array([int(p > 0.5)])),
                        "probabilities": values_of(np.array([[1 - p, p]])),
                    },
                )
            )
            for i, p in enumerate(second.tolist())
        ]
    )
    spool.close()
    convert(folder / "spool", folder / "log")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=int, default=1_000, help="rows of a part of the log")
    parser.add_argument("--rows", type=int, default=10_000, help="rows measured")
    asked = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    second = 1 / (1 + np.exp(-2 * rng.normal(size=8_000)))
    answers = {"label": (second > 0.5).astype(int), "probabilities": np.c_[1 - second, second]}
    truth = (rng.random(8_000) < second).astype(int)
    served = learn_reference(
        SIGNATURE, np.zeros((8_000, N_FEATURES)), answers, truth, origin=Origin.HOLDOUT
    )
    with TemporaryDirectory() as name:
        folder, clock = Path(name), FakeClock()
        ledger = SqlitePending(folder / "v1.db")
        version = VersionPerformance(
            ledger,
            served,
            endpoint="bench",
            version=1,
            rules=PerformanceRules(),
            keeping=Keeping(),
            window_rows=1_000,
        )
        rows = VersionLog(
            folder / "log" / folder_name("bench"), 1, features=SIGNATURE.names, needed=()
        )
        logged(folder, clock, 0, WARM_ROWS)
        for part in rows.new(version):
            version.take(part)
        n_parts = max(1, asked.rows // asked.part)
        for i in range(n_parts):
            logged(folder, clock, WARM_ROWS + i * asked.part, asked.part)
        begun, wall = time.process_time(), time.perf_counter()
        for part in rows.new(version):
            version.take(part)
        taken, waited = time.process_time() - begun, time.perf_counter() - wall
        begun = time.process_time()
        for i in range(n_parts):
            first = WARM_ROWS + i * asked.part
            ids = [f"r{first + j}" for j in range(asked.part)]
            version.label(ids, ["1"] * asked.part)
        labelled = time.process_time() - begun
        n = version.progress.n_seen - WARM_ROWS
        ledger.close()
        print(f"{n:,} rows in parts of {asked.part:,}, per 1,000 rows:")
        print(f"  read, keep and judge  {1e6 * taken / n:6.1f} ms CPU, {1e6 * waited / n:6.1f} ms")
        print(f"  their labels          {1e6 * labelled / n:6.1f} ms CPU")
        n_bytes = (folder / "v1.db").stat().st_size
        print(f"  on the disk           {n_bytes / (n + WARM_ROWS):6.0f} bytes a row")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
