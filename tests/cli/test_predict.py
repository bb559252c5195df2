"""seatrial predict: every row answered in its place, bad ones named, the file whole or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from onnx import parser
from pyarrow import csv

from seatrial.adapters.export.onnx_alone import ONE_BY_ONE
from seatrial.adapters.scoring import processes as scoring_processes
from seatrial.cli.app import run as seatrial
from seatrial.cli.exits import Exit
from seatrial.wiring import scoring
from tests.cli.scored_bundle import NAMES, log_of_sums

ROWS = np.random.default_rng(0).random((2_500, 3), dtype=np.float32) + 0.1


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_of_sums(tmp_path_factory.mktemp("bundle")).path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(rows: NDArray[np.float32] = ROWS) -> pa.Table:
    columns: dict[str, Any] = {"id": [f"k{i}" for i in range(len(rows))]}
    return pa.table(columns | {name: rows[:, i] for i, name in enumerate(NAMES)})


def written(suffix: str, rows: pa.Table) -> str:
    name = f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(rows, name, row_group_size=400)
    elif suffix == "npz":
        np.savez(name, **{name: np.array(rows[name].to_pylist()) for name in rows.column_names})
    elif suffix == "csv":
        csv.write_csv(rows, name)
    else:
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))
    return name


def predict(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial(["predict", *words, "--json", "--home", "home", "--workers", "2"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("data", "into"), [("parquet", "csv"), ("csv", "jsonl"), ("jsonl", "parquet"), ("npz", "csv")]
)
@pytest.mark.slow
def test_each_row_is_answered_in_its_place(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str], data: str, into: str
) -> None:
    code, told = predict(
        capsys, str(bundle), written(data, table()), "--into", f"out.{into}", "--keep", "id",
        "--batch-rows", "300",
    )  # fmt: skip
    assert (code, told["rows"], told["bad"]) == (Exit.DONE, 2_500, 0)
    if into == "parquet":
        found = pq.read_table("out.parquet")
    elif into == "csv":
        found = csv.read_csv("out.csv")
    else:
        found = pa.Table.from_pylist(
            [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
        )
    assert found.column("row").to_pylist() == list(range(2_500))
    assert found.column("id").to_pylist() == [f"k{i}" for i in range(2_500)]
    np.testing.assert_allclose(
        found.column("prediction").to_numpy(), np.log(ROWS.sum(axis=1)), rtol=1e-5
    )
    assert sorted(p.name for p in folder.glob("*out*")) == [f"out.{into}"]


@pytest.mark.slow
def test_bad_rows_are_left_out_and_described_where_they_are_skipped(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{i},1,2,3" for i in range(1_000)]
    lines[3] = "3,1,2,much"
    lines[450] = "450,1,2"
    lines[451] = "451,,2,3"
    lines[700] = "700,-9,2,3"  # the model answers NaN
    lines[999] = '999,1,2,"inf"'
    Path("rows.csv").write_text("id,a,b,c\n" + "\n".join(lines))
    options = ("--into", "out.parquet", "--batch-rows", "100")
    code, told = predict(capsys, str(bundle), "rows.csv", *options)
    assert (code, told["error"]["code"]) == (Exit.INVALID, "scoring.row_unfit")
    assert told["error"]["facts"] == {"row": 3, "field": "c", "why": "serving.bad_input"}
    assert sorted(p.name for p in folder.iterdir() if "out" in p.name) == []

    code, told = predict(capsys, str(bundle), "rows.csv", *options, "--on-error", "skip")
    assert (code, told["scored"], told["bad"]) == (Exit.DONE, 995, 5)
    rejected = [json.loads(line) for line in Path(told["rejected"]).read_text().splitlines()]
    assert [(r["row"], r["code"], r["field"]) for r in rejected] == [
        (3, "serving.bad_input", "c"),
        (450, "scoring.bad_line", None),
        (451, "serving.bad_input", "a"),
        (700, "serving.bad_output", None),
        (999, "serving.bad_input", "c"),
    ]
    assert "'much'" in rejected[0]["problem"]
    answered = pq.read_table("out.parquet").column("row").to_pylist()
    assert answered == [i for i in range(1_000) if i not in (3, 450, 451, 700, 999)]


def test_what_cannot_be_scored_is_refused_before_anything_starts(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = written("parquet", table().slice(0, 10))
    Path("taken.csv").write_text("mine")
    Path("empty.csv").write_text("")
    Path("zipped.csv").write_bytes(b"\x1f\x8b" + bytes(20))
    np.savez("texts.npz", a=np.array([["x"]]), b=np.ones(1), c=np.ones(1))
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    Path("array.json").write_text("[{}]")
    Path("damaged.parquet").write_bytes(b"PAR1" + bytes(40))
    pq.write_table(pa.table({"a": ["x"], "b": [1.0], "c": [1.0]}), "texts.parquet")
    pq.write_table(pa.table({"a": [1.0], "b": [1.0]}), "short.parquet")
    refused = [
        ("absent.csv", "out.csv", "scoring.input_unreadable"),
        ("empty.csv", "out.csv", "scoring.input_unreadable"),
        ("zipped.csv", "out.csv", "scoring.input_unreadable"),
        ("array.json", "out.csv", "scoring.input_unreadable"),
        ("damaged.parquet", "out.csv", "scoring.input_unreadable"),
        ("objects.npy", "out.csv", "scoring.input_unreadable"),
        ("texts.npz", "out.csv", "scoring.input_unfit"),
        ("texts.parquet", "out.csv", "scoring.input_unfit"),
        ("short.parquet", "out.csv", "scoring.input_unfit"),
        (good, "taken.csv", "scoring.output_exists"),
        (good, "out.xlsx", "scoring.output_unknown"),
        (good, "nowhere/out.csv", "scoring.output_not_written"),
    ]
    for data, into, problem in refused:
        _, told = predict(capsys, str(bundle), data, "--into", into)
        assert told["error"]["code"] == problem, (data, into)
    assert Path("taken.csv").read_text() == "mine"


@pytest.mark.slow
def test_rows_that_all_fail_leave_no_file_and_none_at_all_leave_an_empty_one(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rows.jsonl").write_text('{"a": "1", "b": 2, "c": 3}\nnonsense\n')
    code, told = predict(
        capsys, str(bundle), "rows.jsonl", "--into", "out.csv", "--on-error", "skip"
    )
    assert (code, told["error"]["code"]) == (Exit.INVALID, "scoring.nothing_scored")
    assert not list(folder.glob("*out*"))
    code, told = predict(
        capsys, str(bundle), written("parquet", table().slice(0, 0)), "--into", "out.csv"
    )
    assert (code, told["rows"]) == (Exit.DONE, 0)
    assert Path("out.csv").read_text() == '"row","prediction"\n'


@pytest.mark.slow
def test_killed_midway_it_leaves_no_half_file_and_the_next_run_sweeps(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written("csv", table(np.tile(ROWS, (40, 1))))
    command = [sys.executable, "-m", "seatrial", "predict", str(bundle), data]
    options = ["--into", "out.csv", "--batch-rows", "50", "--workers", "1", "--home", "home"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
    hidden = folder / f".out.csv.writing-{process.pid}"
    while not (hidden.exists() and hidden.stat().st_size):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert hidden.exists()
    assert not (folder / "out.csv").exists()
    code, _ = predict(capsys, str(bundle), written("csv", table()), "--into", "out.csv")
    assert code == Exit.DONE
    assert [p.name for p in folder.glob(".out*")] == []


@pytest.mark.slow
def test_a_graph_that_mixes_its_rows_is_refused_until_it_says_that_they_run_one_by_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        net (float[n, 3] x) => (float[n, 3] y) {
            least = ReduceMin (x)
            y = Sub (x, least)
        }
    """)
    rows = np.random.default_rng(0).random((50, 3), dtype=np.float32)
    np.save("rows.npy", rows)
    onnx.save(graph, "net.onnx")
    words = ("net.onnx", "rows.npy", "--into", "out.parquet")
    code, told = predict(capsys, *words)
    assert (code, told["error"]["code"]) == (Exit.INVALID, "packaging.rows_mixed")
    onnx.helper.set_model_props(graph, {ONE_BY_ONE: "1"})
    onnx.save(graph, "net.onnx")
    assert predict(capsys, *words)[0] == Exit.DONE
    found = np.column_stack([c.to_numpy() for c in pq.read_table("out.parquet").columns[1:]])
    np.testing.assert_array_equal(found, rows - rows.min(axis=1, keepdims=True))


@pytest.mark.slow
def test_few_rows_are_scored_here_as_processes_would(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ROWS.copy()
    rows[7] = [-9, 1, 1]
    data = written("csv", table(rows))
    words = (str(bundle), data, "--keep", "id", "--on-error", "skip")
    with monkeypatch.context() as patched:
        patched.delattr(scoring_processes, "start_process")  # nobody may start one
        assert predict(capsys, *words, "--into", "here.csv")[0] == Exit.DONE
    monkeypatch.setattr(scoring, "_FEW_ROWS", 0)
    assert predict(capsys, *words, "--into", "there.csv")[0] == Exit.DONE
    for name in ("{}.csv", "{}.rejected.jsonl"):
        here, there = (Path(name.format(place)).read_bytes() for place in ("here", "there"))
        assert here == there


@pytest.mark.slow
def test_no_more_processes_start_than_there_are_pieces(
    bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(bundle), written("parquet", table()), "--into", "out.csv", "--batch-rows", "1500"]
    options = ["--workers", "7", "--home", "home"]
    assert seatrial(["predict", *words, *options]) == Exit.DONE
    assert "starting 2 processes" in capsys.readouterr().err
