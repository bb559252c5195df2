"""Text cut into pieces: all of it, in whole records, however they are quoted."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring import input as scoring_input
from seatrial.adapters.scoring.input import open_rows
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(Feature(name="text", dtype=Dtype.STRING, nullable=True),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=False,
)
FIELDS = st.lists(st.text('a",\né', max_size=6), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@given(
    texts=FIELDS,
    batch_rows=st.integers(1, 50),
    block=st.integers(20, 300),
    ends=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_csv_is_cut_where_records_end(
    folder: Path, texts: list[str], batch_rows: int, block: int, ends: bool, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([["text", "n"], *([text, i] for i, text in enumerate(texts))])
    path = folder / "rows.csv"
    path.write_text(out.getvalue() if ends else out.getvalue()[:-1], newline="")
    with patch.object(scoring_input, "_BLOCK_BYTES", block):
        cut = [bytes(p.content) for p in open_rows(path, SIGNATURE).pieces(batch_rows)]
    records = [list(csv.reader(io.StringIO(piece.decode(), newline=""))) for piece in cut]
    assert all(1 <= len(piece) <= batch_rows for piece in records)
    assert [row for piece in records for row in piece] == [
        [text, str(i)] for i, text in enumerate(texts)
    ]


@given(texts=FIELDS, batch_rows=st.integers(1, 50), block=st.integers(20, 300), ends=st.booleans())
def test_json_lines_are_cut_where_lines_end(
    folder: Path, texts: list[str], batch_rows: int, block: int, ends: bool
) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    path = folder / "rows.jsonl"
    path.write_text(lines if ends else lines[:-1])
    with patch.object(scoring_input, "_BLOCK_BYTES", block):
        cut = [bytes(p.content) for p in open_rows(path, SIGNATURE).pieces(batch_rows)]
    assert all(piece.rstrip(b"\n").count(b"\n") < batch_rows for piece in cut)
    assert b"".join(cut).decode() == path.read_text()


def test_how_many_pieces_there_are_is_known_of_parquet_and_guessed_of_text(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"text": [f"{i:06}" for i in range(1_000)]})
    pq.write_table(table, folder / "known.parquet")
    known = open_rows(folder / "known.parquet", SIGNATURE)
    assert (known.n_rows, known.n_pieces(1_000), known.n_pieces(300)) == (1_000, 1, 4)
    (folder / "guessed.csv").write_text("text\n" + "".join(f"{i:06}\n" for i in range(1_000)))
    guessed = open_rows(folder / "guessed.csv", SIGNATURE)
    assert guessed.n_rows == pytest.approx(1_000, abs=3)
    assert guessed.n_pieces(300) == 4
    assert guessed.n_pieces(2_000) == 1
    assert len(list(guessed.pieces(300))) == 4
    assert np.isclose(guessed.length, 5 + 7_000)
