"""Data beside a reference, once, however large they are."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring import batch_report
from seatrial.wiring.batch_report import Compared, compared

EXAMPLE = Path(__file__).parents[2] / "examples" / "monitoring"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def no_workspace() -> object:
    raise NotFound("There is no workspace here.", remedy="None is needed.")


ALL = tuple(RuleName)
DEFAULT = (RuleName.DEFAULT,)


def report(folder: Path, *, rules: tuple[RuleName, ...] = ALL, **content: object) -> Compared:
    file = MonitoringFile.model_validate({"endpoint": "houses", **content})
    return compared(
        file,
        folder=folder,
        workspace=no_workspace,  # type: ignore[arg-type]
        rules=rules,
        now=NOW,
    )


FILES = {"reference": "reference.parquet", "data": "current.parquet"}


def test_the_example_drifts_and_its_columns_are_found_by_name() -> None:
    found = report(EXAMPLE, **FILES, segments="region")
    assert found.verdict.outcome is Outcome.ALARM
    names = [column.name for column in found.report.drift.features]
    assert names[:2] == ["longitude", "latitude"]
    assert {c.name for c in found.report.drift.predictions} == {"prediction", "probability"}
    assert "prediction_id" not in names
    assert found.report.segments[0].column == "region"
    assert found.report.span.start == datetime(2021, 4, 6, 12, tzinfo=UTC)


def test_more_rows_than_are_held_say_the_same_to_a_thousandth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = report(EXAMPLE, **FILES, segments="region")
    monkeypatch.setattr(batch_report, "_MOST_HELD", 0)
    counted = report(EXAMPLE, **FILES, segments="region")
    assert counted.report.segments == exact.report.segments
    assert counted.report.alarm == exact.report.alarm
    for one, other in zip(exact.report.drift.features, counted.report.drift.features, strict=True):
        assert (one.name, one.effect, one.severity) == (other.name, other.effect, other.severity)
        if one.ks is not None and other.ks is not None:
            assert other.ks.value == pytest.approx(one.ks.value, abs=1e-3 + (other.ks.error or 0))


def test_rows_without_a_time_are_of_now(tmp_path: Path) -> None:
    for name in FILES.values():
        table = pq.read_table(EXAMPLE / name).select(["rooms", "population"])
        pq.write_table(table, tmp_path / name)
    found = report(tmp_path, **FILES)
    assert (found.report.span.start, found.report.span.end) == (NOW, NOW)


def written(path: Path, n: int, seed: int, *, topic: bool = False) -> Path:
    """Vectors, and texts of two subjects; as Parquet, or as CSV with JSON arrays."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 12)).astype(np.float32)
    vectors[: n // 4 if topic else 0, :3] += 2
    subjects = ("the ship left the harbour late", "please send back my money now")
    texts = [
        f"{subjects[i]} {'again' if rng.random() < 0.5 else ''}".strip()
        for i in (rng.random(n) < (0.8 if topic else 0.5)).astype(int)
    ]
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["letter", "vector"])
            for text, vector in zip(texts, vectors.tolist(), strict=True):
                rows.writerow([text, json.dumps(vector)])
        return path
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 12)
    pq.write_table(pa.table({"letter": texts, "vector": lists}), path)
    return path


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("held", [0, 20_000_000])
def test_texts_and_vectors_are_compared_from_end_to_end(
    tmp_path: Path, suffix: str, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_report, "_MOST_HELD", held)

    def of(path: Path) -> dict[str, object]:
        return {"source": str(path), "columns": {"embeddings": "vector"}}

    reference = written(tmp_path / f"reference.{suffix}", 3_000, 0)
    same = written(tmp_path / f"same.{suffix}", 2_000, 1)
    moved = written(tmp_path / f"moved.{suffix}", 2_000, 2, topic=True)
    quiet, drifted = (
        report(tmp_path, rules=DEFAULT, reference=of(reference), data=of(one))
        for one in (same, moved)
    )
    assert quiet.verdict.outcome is Outcome.CLEAR
    assert quiet.report.quality == ()
    assert drifted.verdict.outcome is Outcome.ALARM
    columns = {column.name: column for column in drifted.report.drift.features}
    assert {name: column.kind for name, column in columns.items()} == {
        "letter": "text",
        "vector": "embedding",
    }
    assert {part.name for part in columns["letter"].parts} == {"length", "vocabulary"}
    assert columns["letter"].severity is Severity.CRITICAL
    vector = columns["vector"]
    assert vector.severity is not Severity.NONE
    assert vector.auc is not None
    assert 0.6 <= vector.auc <= 0.75


def test_vectors_of_another_length_are_a_finding_and_no_silence(tmp_path: Path) -> None:
    written(tmp_path / "reference.parquet", 500, 0)
    short = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(500 * 3)), 3)
    letters = ["the ship left the harbour late"] * 500
    pq.write_table(pa.table({"letter": letters, "vector": short}), tmp_path / "current.parquet")
    found = report(tmp_path, **FILES)
    (kind,) = (one for one in found.report.quality if one.column == "vector")
    assert (kind.check.value, kind.value) == ("kind", "vectors of 3 in 500 rows")
    assert found.verdict.outcome is Outcome.ALARM


def test_a_vanished_and_a_new_column_are_findings_and_no_errors(tmp_path: Path) -> None:
    pq.write_table(
        pq.read_table(EXAMPLE / "reference.parquet").select(["rooms", "population"]),
        tmp_path / "reference.parquet",
    )
    pq.write_table(
        pq.read_table(EXAMPLE / "reference.parquet").select(["rooms", "house_age"]),
        tmp_path / "current.parquet",
    )
    found = report(tmp_path, **FILES)
    assert {(one.check.value, one.column) for one in found.report.quality} == {
        ("absent", "population"),
        ("strange", "house_age"),
    }
    assert found.verdict.outcome is Outcome.ALARM


def test_a_column_that_changed_its_type_is_a_finding_that_names_it(tmp_path: Path) -> None:
    table = pq.read_table(EXAMPLE / "reference.parquet").select(["rooms", "region"])
    pq.write_table(table, tmp_path / "reference.parquet")
    rows = table.to_pylist()
    text = "\n".join(["rooms,region", *(f"many,{row['region']}" for row in rows)])
    (tmp_path / "current.csv").write_text(text + "\n")
    found = report(tmp_path, reference="reference.parquet", data="current.csv")
    assert found.verdict.outcome is Outcome.ALARM
    assert "rooms" in {one.column for one in found.report.quality}
    assert any("'rooms'" in problem.message for problem in found.problems)


def test_ten_rows_as_a_reference_are_inconclusive(tmp_path: Path) -> None:
    table = pq.read_table(EXAMPLE / "reference.parquet").select(["rooms", "region"])
    pq.write_table(table.take(list(range(0, 2_000, 200))), tmp_path / "reference.parquet")
    pq.write_table(table.take(list(range(1, 2_000, 20))), tmp_path / "current.parquet")
    found = report(tmp_path, rules=(RuleName.DEFAULT,), **FILES)
    assert found.verdict.outcome is Outcome.INCONCLUSIVE
    assert "10 rows" in found.as_dict()["notes"][0]
