"""What does reading cost beyond reading? Parquet to the watch's tables, against Arrow alone.

    python -m benchmarks.monitor.sources [--rows 1000000] [--repeats 3]

One file of 50 numeric and 10 categorical columns. Each way of reading runs in a process of its own,
one after the other; CPU seconds (user and system, all threads) and the peak of memory above that of
the process after its imports are medians over the repeats. The floor is Arrow's own reading of the
same columns: all at once (what most programs do), and in the same batches, thrown away.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seatrial.monitoring.rows.source import rows_per_chunk

SEED = 7
N_NUMERIC = 50
CATEGORIES = (2, 3, 5, 8, 12, 20, 50, 100, 300, 1_000)


def write(path: Path, n: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(SEED)
    with pq.ParquetWriter(path, pa.schema(_fields(pa))) as writer:
        for start in range(0, n, 131_072):
            rows = min(131_072, n - start)
            columns = [pa.array(rng.normal(size=rows)) for _ in range(N_NUMERIC)]
            for k in CATEGORIES:
                names = np.array([f"category {i}" for i in range(k)], dtype=object)
                columns.append(pa.array(names[rng.integers(0, k, rows)]))
            writer.write_table(pa.table(columns, schema=pa.schema(_fields(pa))))


def _fields(pa):
    numeric = [(f"n{i:02}", pa.float64()) for i in range(N_NUMERIC)]
    return numeric + [(f"c{i:02}", pa.string()) for i in range(len(CATEGORIES))]


def arrow_whole(path: Path) -> int:
    import pyarrow.parquet as pq

    return pq.read_table(path).num_rows


def arrow_batches(path: Path) -> int:
    import pyarrow.parquet as pq

    names = [f"c{i:02}" for i in range(len(CATEGORIES))]
    file = pq.ParquetFile(path, read_dictionary=names, pre_buffer=False, buffer_size=1 << 16)
    size = rows_per_chunk(N_NUMERIC + len(CATEGORIES))
    return sum(len(batch) for batch in file.iter_batches(size))


def tables(path: Path) -> int:
    from seatrial.adapters.table_parquet import ParquetSource

    return sum(chunk.table.n for chunk in ParquetSource(path).chunks())


WAYS: dict[str, Callable[[Path], int]] = {
    "Arrow, all at once": arrow_whole,
    "Arrow, in batches": arrow_batches,
    "seatrial, tables": tables,
}


def measure(way: str, path: Path) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory above the start, in this process."""
    import pyarrow.parquet  # noqa: F401 - not part of what is measured

    import seatrial.adapters.table_parquet  # noqa: F401

    before = peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    n = WAYS[way](path)
    return {
        "n": n,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "mb": peak_mb() - before,
    }


def peak_mb() -> float:
    """The most memory this process ever had; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def run(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.monitor.sources", "--only", way, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(measure(asked.only[0], Path(asked.only[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path, asked.rows)
        size = path.stat().st_size / 1e6
        found = {way: [run(way, path) for _ in range(asked.repeats)] for way in WAYS}
    assert all(one["n"] == asked.rows for runs in found.values() for one in runs)
    print(f"{asked.rows:,} rows x {N_NUMERIC} + {len(CATEGORIES)} columns, {size:.0f} MB\n")
    print("| way | CPU s | wall s | peak above start, MB | CPU against batches |")
    print("|---|---|---|---|---|")
    floor = statistics.median(one["cpu_s"] for one in found["Arrow, in batches"])
    for way, runs in found.items():
        cpu, wall, mb = (
            statistics.median(one[key] for one in runs) for key in ("cpu_s", "wall_s", "mb")
        )
        print(f"| {way} | {cpu:.2f} | {wall:.2f} | {mb:.0f} | {cpu / floor:.2f} |")


if __name__ == "__main__":
    main()
