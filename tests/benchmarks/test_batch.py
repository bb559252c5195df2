"""The benchmark of scoring files: its page, its table, and files that both sides read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.batch import LINEAR, SUBJECT, TREES, Case, Spent, report, rows_of
from benchmarks.batch_loop import READERS
from benchmarks.serving.page import marks

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-batch.md"


def case(model: str, loop_s: float, own_s: float) -> Case:
    loops = [Spent(seconds=s, cpu_seconds=s) for s in (loop_s, loop_s * 9, loop_s / 9)]
    ours = [Spent(seconds=own_s, cpu_seconds=2 * own_s, whole_s=own_s + 1, alone=1, together=2)]
    return Case(model=model, suffix=".parquet", n_rows=1_000_000, loops=loops, ours=ours)


def test_both_parts_have_their_place_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    for name in ("formats", "large"):
        begin, end = marks(name, SUBJECT)
        assert text.index(begin) < text.index(end)


def test_medians_are_held_against_the_goals() -> None:
    text = report([case(LINEAR, 2.0, 1.0), case(TREES, 2.0, 2.0)], workers=2)
    assert (
        "| linear, parquet, 1,000,000 | 500,000 | 1,000,000 | 2.00 | 1.00 | 2.00 | 2.00 |" in text
    )
    assert "| >= 1 | 2.00 | met |" in text
    assert "| >= 1.8 | 1.00 | **missed** |" in text


@pytest.mark.parametrize("suffix", READERS)
def test_the_loop_reads_every_row(tmp_path: Path, suffix: str) -> None:
    path = rows_of(tmp_path, 1_234, suffix)
    batches = list(READERS[suffix](str(path)))
    assert sum(batch.num_rows for batch in batches) == 1_234
    assert batches[0].num_columns == 30
