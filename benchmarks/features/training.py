"""What a training set costs: a file of entity rows through `seatrial features training-set`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.monitor.goals import markdown_table

N_USERS = 120
DAYS = 45


def training_report(folder: Path, python: Path, base: Path, *, n_rows: int) -> str:
    """Seconds and memory by how many rows are joined at once.

    Args: folder: of a repository; python: that has Feast; base: for files.
    """
    rows = base / "rows.parquet"
    write_rows(rows, n_rows)
    table = []
    for at_once in (n_rows // 100, n_rows // 20, n_rows // 5):
        seconds, peak_mb = _run(folder, python, rows, base / "out.parquet", at_once)
        found = parquet.read_metadata(base / "out.parquet").num_rows
        assert found == n_rows, found
        table.append(
            [f"{at_once:,}", f"{seconds:.1f}", f"{n_rows / seconds:,.0f}", f"{peak_mb:,.0f}"]
        )
    head = ["rows at once", "s", "rows a second", "most memory of a process, MB"]
    note = (
        f"{n_rows:,} rows of {N_USERS} users over {DAYS} days, from the repository of "
        "`seatrial features init` (files, 40 days), Feast's start of some seconds included."
    )
    return f"{note}\n\n{markdown_table(head, table)}"


def write_rows(file: Path, n: int) -> None:
    """Entities at random times up to now, by a generator with a fixed seed."""
    chance = np.random.default_rng(7)
    now_us = time.time_ns() // 1000
    times = pa.array(now_us - chance.integers(0, DAYS * 86_400 * 10**6, n))
    columns = {
        "user_id": chance.integers(1, N_USERS + 1, n),
        "event_timestamp": times.cast(pa.timestamp("us", "UTC")),
        "label": chance.random(n) < 0.3,
    }
    parquet.write_table(pa.table(columns), file, row_group_size=100_000)


def _run(folder: Path, python: Path, rows: Path, out: Path, at_once: int) -> tuple[float, float]:
    """Wall seconds, and the most memory that it or Feast's process held, in MB."""
    command = [sys.executable, "-m", "seatrial", "features", "training-set", str(rows)]
    command += ["--service", "user_activity", "--repository", str(folder), "--out", str(out)]
    command += ["--rows-at-once", str(at_once)]
    began = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable, command, {**os.environ, "SEATRIAL_FEATURES__PYTHON": str(python)}
    )
    _, status, used = os.wait4(pid, 0)
    assert status == 0, status
    return time.perf_counter() - began, used.ru_maxrss / 1024
