from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables import parquet_log
from seatrial.adapters.tables.parquet_log import convert, main, table
from seatrial.serving.sample import Record, encode, values_of
from seatrial.serving.spool import Spool, claimed, segments
from seatrial.testing.clock import FakeClock

NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


def record(i: int, *, at: float = NEW_YEAR, version: int = 1, **fields: object) -> Record:
    whole: dict[str, object] = {
        "request_id": f"r{i}",
        "at": at,
        "endpoint": "churn",
        "version": version,
        "revision": 3,
        "outcome": "ok",
        "latency_s": 0.25,
        "n_rows": 2,
        "rows": 2,
        "inputs": {
            "age": values_of(np.array([i, i + 1], dtype=np.float32)),
            "city": values_of(np.array(["Ulm", None], dtype=object)),
        },
        "outputs": {
            "label": values_of(np.array([0, 1], dtype=np.int64)),
            "probabilities": values_of(np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)),
        },
    }
    return Record(**(whole | fields))  # type: ignore[arg-type]


def spooled(folder: Path, *records: Record) -> None:
    spool = Spool(folder, name="w0", clock=FakeClock())
    spool.append([encode(one) for one in records])
    spool.close()


def parts(log: Path) -> list[Path]:
    return sorted(log.rglob("*.parquet"))


def logged(log: Path) -> list[str]:
    return sorted(
        value
        for path in parts(log)
        for value in pq.ParquetFile(path).read().column("request_id").to_pylist()
    )


def test_rows_keep_their_types_and_values() -> None:
    rows = table([record(1), record(5, outcome="error:timeout", outputs={})])
    assert rows.num_rows == 4
    assert rows.column("request_id").to_pylist() == ["r1", "r1", "r5", "r5"]
    assert rows.column("row").to_pylist() == [0, 1, 0, 1]
    assert rows.column("at").to_pylist()[0] == datetime(2030, 1, 1, tzinfo=UTC)
    inputs, outputs = rows.column("inputs").type, rows.column("outputs").type
    assert inputs.field("age").type == pa.float32()
    assert outputs.field("probabilities").type == pa.list_(pa.float32(), 2)
    assert rows.column("inputs").to_pylist()[1] == {"age": 2.0, "city": None}
    first, _, failed, _ = rows.column("outputs").to_pylist()
    assert first["label"] == 0
    assert first["probabilities"] == pytest.approx([0.9, 0.1])
    assert failed == {"label": None, "probabilities": None}


def test_requests_that_only_failed_have_no_outputs() -> None:
    rows = table([record(1, outcome="error:timeout", outputs={})])
    assert rows.column("outputs").to_pylist() == [None, None]


def test_a_segment_of_requests_that_only_failed_is_converted(tmp_path: Path) -> None:
    spooled(tmp_path / "spool", record(1, outcome="error:timeout", outputs={}))
    assert convert(tmp_path / "spool", tmp_path / "log") == 1
    (part,) = parts(tmp_path / "log")
    written = pq.ParquetFile(part).read()
    assert "outputs" not in written.column_names
    assert written.column("outcome").to_pylist() == ["error:timeout"] * 2


def test_parts_lie_by_endpoint_day_and_version(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    spooled(
        spool,
        record(1),
        record(2, at=NEW_YEAR - 1.0),
        record(3, version=2, inputs={"age": values_of(np.array(["old", "new"], dtype=object))}),
        record(4, endpoint="../x"),
        record(5, endpoint=".."),
    )
    assert convert(spool, log) == 1
    assert segments(spool) == []
    folders = {str(path.parent.relative_to(log)) for path in parts(log)}
    assert folders == {
        "churn/date=2029-12-31",
        "churn/date=2030-01-01",
        "..%2Fx/date=2030-01-01",
        "%2E%2E/date=2030-01-01",
    }
    assert len(list((log / "churn/date=2030-01-01").iterdir())) == 2
    assert logged(log) == sorted(["r1", "r2", "r3", "r4", "r5"] * 2)


def test_an_open_segment_and_one_that_somebody_holds_are_left_alone(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    spooled(spool, record(1))
    writer = Spool(spool, name="w1", clock=FakeClock())
    writer.append([encode(record(2))])
    held = next(path for path in segments(spool) if "-w0-" in path.name)
    with claimed(held) as mine:
        assert mine
        assert convert(spool, log) == 0
    assert convert(spool, log) == 1
    assert logged(log) == ["r1", "r1"]
    writer.close()
    assert convert(spool, log) == 1
    assert logged(log) == ["r1", "r1", "r2", "r2"]


@pytest.mark.parametrize("step", ["before replace", "before unlink", "between parts"])
def test_a_kill_at_any_step_loses_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    spooled(spool, record(1), record(2, version=2))

    class Killed(BaseException):
        pass

    def kill(*_args: object, **_kwargs: object) -> None:
        raise Killed

    written: list[Path] = []
    write = parquet_log._write

    def write_one(path: Path, rows: pa.Table) -> None:
        if written:
            raise Killed
        written.append(path)
        write(path, rows)

    with monkeypatch.context() as patch:
        if step == "before replace":
            patch.setattr(Path, "replace", kill)
        elif step == "before unlink":
            patch.setattr(Path, "unlink", kill)
        else:
            patch.setattr(parquet_log, "_write", write_one)
        with pytest.raises(Killed):
            convert(spool, log)
    assert len(segments(spool)) == 1
    assert convert(spool, log) == 1
    assert logged(log) == ["r1", "r1", "r2", "r2"]
    leftovers = [path for path in log.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert leftovers == []


def test_a_disk_that_fills_keeps_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    spooled(spool, record(1))

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            convert(spool, log)
    assert len(segments(spool)) == 1
    assert parts(log) == []


def test_a_record_of_another_schema_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, name="w0", clock=FakeClock())
    spool.append([b"\x81\xa6schema\x63", encode(record(1))])
    spool.close()
    assert convert(folder, tmp_path / "log") == 1
    assert logged(tmp_path / "log") == ["r1", "r1"]
    assert "left out" in capsys.readouterr().err


@pytest.mark.parametrize("n_bad", [1, 6])
def test_a_segment_that_cannot_be_converted_is_set_aside_and_stops_no_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    n_bad: int,
) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    for i in range(n_bad):
        spooled(spool, record(i, outcome="bad"))
    spooled(spool, record(9))

    def fragile(records: list[Record]) -> pa.Table:
        if any(one.outcome == "bad" for one in records):
            raise pa.ArrowNotImplementedError("not that")
        return table(records)

    monkeypatch.setattr(parquet_log, "table", fragile)
    assert convert(spool, log) == 1
    assert logged(log) == ["r9", "r9"]
    assert segments(spool) == []
    assert len(list(spool.iterdir())) == min(n_bad, 4)
    assert capsys.readouterr().err.count("cannot be converted: ArrowNotImplemented") == n_bad
    assert convert(spool, log) == 0


def test_one_part_that_cannot_be_written_stops_no_other_segment(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    spooled(spool, record(1, endpoint="x" * 300))  # longer than a folder's name may be
    spooled(spool, record(2))
    with pytest.raises(OSError, match="too long"):
        convert(spool, log)
    assert logged(log) == ["r2", "r2"]
    assert len(segments(spool)) == 1


def test_an_empty_segment_just_goes(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "1-w0-a.segment").touch()
    assert convert(spool, tmp_path / "log") == 1
    assert segments(spool) == []


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    spooled(tmp_path / "spool", record(1))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "seatrial.adapters.tables.parquet_log",
            tmp_path / "spool",
            tmp_path / "log",
        ],
        check=True,
    )
    assert logged(tmp_path / "log") == ["r1", "r1"]
    assert main(["only one"]) == 2
