"""Data beside a reference, once, however large they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.profile import profile_of
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring import batch_report, column_report, log_reference
from seatrial.wiring.batch_report import Compared, compared
from seatrial.wiring.log_reference import Known

EXAMPLE = Path(__file__).parents[2] / "examples" / "monitoring"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def no_workspace() -> object:
    raise NotFound("There is no workspace here.", remedy="None is needed.")


ALL = tuple(RuleName)


def report(
    folder: Path,
    *,
    rules: tuple[RuleName, ...] = ALL,
    workspace: Callable[[], object] = no_workspace,
    **content: object,
) -> Compared:
    file = MonitoringFile.model_validate({"endpoint": "houses", **content})
    return compared(
        file,
        folder=folder,
        workspace=workspace,  # type: ignore[arg-type]
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


def by_rows(*_: object, **__: object) -> None:
    """In place of `read_by_column`: nothing lies by column."""


def test_by_column_and_by_rows_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = report(EXAMPLE, **FILES)
    monkeypatch.setattr(batch_report, "read_by_column", by_rows)
    assert found.as_dict() == report(EXAMPLE, **FILES).as_dict()
    assert all(c.ks is None or c.ks.error == 0 for c in found.report.drift.features)


def test_a_bundle_s_profile_is_counted_against_by_column_as_by_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = pq.read_table(EXAMPLE / "reference.parquet").select(["rooms", "population"])
    numbers = {name: table[name].to_numpy() for name in table.column_names}
    known = Known(name="houses@1", profile=profile_of(Table(columns=numbers, n=len(table))))
    for module in (column_report, log_reference):
        monkeypatch.setattr(module, "bundle_reference", lambda *_: known)
    files = {"reference": "houses@1", "data": "current.parquet"}
    found = report(EXAMPLE, workspace=lambda: None, **files)
    monkeypatch.setattr(batch_report, "read_by_column", by_rows)
    assert found.as_dict() == report(EXAMPLE, workspace=lambda: None, **files).as_dict()


def test_a_broken_row_group_is_left_out_and_said_though_columns_cannot(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=60_000)})
    for name in FILES.values():
        pq.write_table(table, tmp_path / name, row_group_size=20_000)
    text = bytearray((tmp_path / "current.parquet").read_bytes())
    column = pq.read_metadata(tmp_path / "current.parquet").row_group(1).column(0)
    start = column.dictionary_page_offset
    text[start : start + 10_000] = bytes(10_000)
    (tmp_path / "current.parquet").write_bytes(text)
    found = report(tmp_path, **FILES)
    assert found.report.n == 40_000
    assert [problem.flaw for problem in found.problems] == ["part"]


def test_more_rows_than_a_column_may_have_are_read_by_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = report(EXAMPLE, **FILES)
    monkeypatch.setattr(batch_report, "_MOST_HELD", 100)
    counted = report(EXAMPLE, **FILES)
    assert counted.report.n == exact.report.n
    assert any(c.ks is not None and c.ks.error > 0 for c in counted.report.drift.features)


def test_rows_without_a_time_are_of_now(tmp_path: Path) -> None:
    for name in FILES.values():
        table = pq.read_table(EXAMPLE / name).select(["rooms", "population"])
        pq.write_table(table, tmp_path / name)
    found = report(tmp_path, **FILES)
    assert (found.report.span.start, found.report.span.end) == (NOW, NOW)


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
