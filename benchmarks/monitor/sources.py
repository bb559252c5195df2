"""What it costs to read rows and to compare files: CPU and memory, beside Arrow's own reading.

    python -m benchmarks.monitor.sources [--rows 1000000] [--reference 100000] [--quick]

The files are those of `speed.py`: 50 columns of numbers and 10 of names, as float32 and float64,
written by Arrow as it does by default. Each way runs in a process of its own, the page cache warm;
medians of some repetitions. CPU and memory count from where the process has loaded all it needs
and opened nothing. The whole command counts from its start, interpreter and imports with it; its
memory is the peak above that of an interpreter that has imported Arrow and does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.monitor.goals import Goal, at_most, goal_table, markdown_table
from benchmarks.monitor.speed import SEED, table
from seatrial.monitoring.rows.source import rows_per_chunk
from seatrial.monitoring.rows.table import Coded, Table

DTYPES = ("float32", "float64")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFERENCE, CURRENT = "reference.parquet", "current.parquet"

IDLE = "import pyarrow.parquet"
REPORT = f"""
from seatrial.cli.app import run
run(["monitor", "report", "--json", "--reference", "{REFERENCE}", "--current", "{CURRENT}"])
"""
PEAK = "import sys; sys.stderr.write(open('/proc/self/status').read())"
COLD, CACHED, COMMAND = "report, cold", "report, profile at hand", "the command `monitor report`"
CSV = "report, CSV, a tenth of the rows"

Cost = dict[str, float]


def write(path: Path, rows: Table) -> None:
    """Rows as one row group of a Parquet file, as Arrow writes it by default."""
    import pyarrow.parquet as pq

    pq.write_table(_arrow(rows), path)


def write_csv(path: Path, rows: Table) -> None:
    """The same as CSV."""
    from pyarrow import csv

    csv.write_csv(_arrow(rows), path)


def _arrow(rows: Table):
    import pyarrow as pa

    columns = {
        name: pa.DictionaryArray.from_arrays(column.codes, list(column.values)).cast(pa.string())
        if isinstance(column, Coded)
        else pa.array(column)
        for name, column in rows.columns.items()
    }
    return pa.table(columns)


def arrow_whole(folder: Path) -> Callable[[], int]:
    import pyarrow.parquet as pq

    return lambda: pq.read_table(folder / CURRENT).num_rows


def arrow_batches(folder: Path) -> Callable[[], int]:
    import pyarrow.parquet as pq

    def read() -> int:
        names = [f"c{i}" for i in range(10)]
        path = folder / CURRENT
        file = pq.ParquetFile(path, read_dictionary=names, pre_buffer=False, buffer_size=1 << 16)
        return sum(len(batch) for batch in file.iter_batches(rows_per_chunk(60)))

    return read


def rows_of_tables(folder: Path) -> Callable[[], int]:
    from seatrial.adapters.tables.parquet import ParquetSource

    return lambda: sum(chunk.table.n for chunk in ParquetSource(folder / CURRENT).chunks())


def columns_of_file(folder: Path) -> Callable[[], int]:
    from seatrial.adapters.tables.parquet_columns import ParquetColumns
    from seatrial.monitoring.rows.row_join import Room

    def read() -> int:
        room = Room()
        with ParquetColumns(folder / CURRENT) as columns:
            for name in columns.names:
                columns.column(name, None, room)
            return columns.n

    return read


def compared_files(folder: Path, suffix: str = "parquet") -> Callable[[], int]:
    """What `seatrial monitor report` does once it has read its options."""
    import seatrial.adapters.tables.csv
    import seatrial.adapters.tables.parquet_columns  # noqa: F401
    from seatrial.monitoring.watching.batch import RuleName
    from seatrial.monitoring.watching.watch_file import MonitoringFile
    from seatrial.wiring.watching.batch_report import compared

    names = {"reference": f"reference.{suffix}", "data": f"current.{suffix}"}
    file = MonitoringFile.model_validate({"endpoint": "rows", **names})

    def compare() -> int:
        found = compared(
            file, folder=folder, workspace=_no_workspace, rules=(RuleName.DEFAULT,), now=NOW
        )
        return int(found.as_dict()["report"]["n"])

    return compare


def compared_with_profile(folder: Path) -> Callable[[], int]:
    """The same beside a profile that is at hand, as a bundle has one."""
    from seatrial.adapters.tables.parquet_columns import ParquetColumns
    from seatrial.monitoring.rows.by_column import RolesByColumn
    from seatrial.monitoring.rows.columns import Columns
    from seatrial.monitoring.summaries.by_column import measure_against
    from seatrial.monitoring.summaries.profile_record import read_profile
    from seatrial.monitoring.watching.report_record import report_record
    from seatrial.monitoring.watching.watch import Span, Watch

    profile = read_profile(json.loads((folder / "profile.json").read_text()))

    def compare() -> int:
        with ParquetColumns(folder / CURRENT) as columns:
            window = RolesByColumn(columns, Columns().among(columns.names))
            measured = measure_against(profile, window)
        watch = Watch(profile)
        _, said = watch.step(watch.start(), measured.summary, Span(start=NOW, end=NOW))
        return int(report_record(said)["n"])

    return compare


def _no_workspace() -> None:
    raise AssertionError("files need none")


WAYS: dict[str, Callable[[Path], Callable[[], int]]] = {
    "Arrow reads all at once": arrow_whole,
    "Arrow reads batches of rows": arrow_batches,
    "seatrial reads rows": rows_of_tables,
    "seatrial reads columns": columns_of_file,
    COLD: compared_files,
    CACHED: compared_with_profile,
    CSV: lambda folder: compared_files(folder / "csv", "csv"),
}


def measure(way: str, folder: Path) -> Cost:
    """CPU seconds, wall seconds and peak memory above the start, in this process."""
    import pyarrow.parquet  # noqa: F401 - not part of what is measured

    work = WAYS[way](folder)
    before = peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    n = work()
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


def run(way: str, folder: Path) -> Cost:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.monitor.sources", "--only", way, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def whole(code: str, folder: Path) -> Cost:
    """A Python process from start to end; its modules lie compiled, as they do once used."""
    bare = {name: x for name, x in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with (folder / "said").open("w+") as said:
        child = subprocess.Popen(
            [sys.executable, "-c", f"{code}\n{PEAK}"],
            cwd=folder,
            env={**bare, "PYTHONPYCACHEPREFIX": str(folder / "compiled")},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode:
        raise RuntimeError(f"The command failed: {text[-500:]}")
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.perf_counter() - began,
        "mb": int(text.rpartition("VmHWM:")[2].split()[0]) / 1024,
    }


def prepare(folder: Path, dtype: str, n_reference: int, n: int) -> None:
    """Write the files that all ways read."""
    from seatrial.monitoring.summaries.profile_record import write_profile
    from seatrial.monitoring.summaries.profiling import profile_of

    rng = np.random.default_rng(SEED)
    before, after = table(rng, n_reference, dtype), table(rng, n, dtype)
    write(folder / REFERENCE, before)
    write(folder / CURRENT, after)
    (folder / "profile.json").write_text(json.dumps(write_profile(profile_of(before))))
    (folder / "csv").mkdir()
    write_csv(folder / "csv" / "reference.csv", table(rng, n_reference // 10, dtype))
    write_csv(folder / "csv" / "current.csv", table(rng, n // 10, dtype))


def costs(folder: Path, repeats: int) -> dict[str, Cost]:
    """Medians of every way."""
    found = {way: [run(way, folder) for _ in range(repeats)] for way in WAYS}
    for code in (IDLE, REPORT):  # compiled now, and not counted
        whole(code, folder)
    idle, spent = ([whole(code, folder) for _ in range(repeats)] for code in (IDLE, REPORT))
    floor_mb = statistics.median(one["mb"] for one in idle)
    found["an interpreter with Arrow, idle"] = [{**one, "mb": 0.0} for one in idle]
    found[COMMAND] = [{**one, "mb": one["mb"] - floor_mb} for one in spent]
    return {
        way: {key: statistics.median(one[key] for one in runs) for key in ("cpu_s", "wall_s", "mb")}
        for way, runs in found.items()
    }


def goals(found: dict[str, Cost], *, full: bool = True) -> list[Goal]:
    """What a report from files may cost.   Args: whether they had all rows that it is for."""
    asked = (
        (f"{COLD}, exact KS", found[COLD]["cpu_s"], 0.7, "CPU s"),
        (CACHED, found[CACHED]["cpu_s"], 0.4, "CPU s"),
        (f"{COLD}, peak above the process loaded", found[COLD]["mb"], 50.0, "MB"),
        (f"{COMMAND}, peak above an idle interpreter with Arrow", found[COMMAND]["mb"], 50.0, "MB"),
    )
    return [
        at_most(f"Parquet: {what}", value, limit, unit, full=full)
        for what, value, limit, unit in asked
    ]


def markdown(found: dict[str, Cost], *, full: bool = True) -> str:
    """The goals, and every way."""
    rows = [
        (way, f"{one['cpu_s']:.2f}", f"{one['wall_s']:.2f}", f"{one['mb']:.0f}")
        for way, one in found.items()
    ]
    ways = markdown_table(("from files", "CPU s", "wall s", "peak above its start, MB"), rows)
    return f"{goal_table(goals(found, full=full))}\n\n{ways}"


def report(*, quick: bool = False, n_reference: int = 100_000, n: int = 1_000_000) -> str:
    """All of it as Markdown; ``quick``: of a tenth of the rows, once."""
    if quick:
        n_reference, n = n_reference // 10, n // 10
    parts = []
    for dtype in DTYPES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            prepare(folder, dtype, n_reference, n)
            sizes = f"{(folder / CURRENT).stat().st_size / 1e6:.0f} MB"
            title = f"**{n_reference:,} against {n:,} rows from files, {dtype}, {sizes}**"
            parts.append(f"{title}\n\n{markdown(costs(folder, 1 if quick else 3), full=not quick)}")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the window")
    parser.add_argument("--reference", type=int, default=100_000, help="rows of the reference")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, once")
    parser.add_argument("--only", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(measure(asked.only[0], Path(asked.only[1]))))
        return
    print(report(quick=asked.quick, n_reference=asked.reference, n=asked.rows))


if __name__ == "__main__":
    main()
