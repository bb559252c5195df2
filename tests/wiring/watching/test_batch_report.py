"""Data beside a reference, once, however large they are."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.drift.flaw import Check
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.watching import batch_report, batch_rows, column_report, log_reference
from seatrial.wiring.watching.batch_report import Compared, compared
from seatrial.wiring.watching.late_labels import LabelColumnsMissing
from seatrial.wiring.watching.log_reference import Known

WEATHER = Path(__file__).parents[2] / "data" / "noaa_weather.parquet"
EXAMPLE = Path(__file__).parents[3] / "examples" / "monitoring"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def no_workspace() -> object:
    raise NotFound("There is no workspace here.", remedy="None is needed.")


ALL = tuple(RuleName)
DEFAULT = (RuleName.DEFAULT,)


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


def hold_at_most(monkeypatch: pytest.MonkeyPatch, n_values: int) -> None:
    for module in (batch_report, batch_rows):
        monkeypatch.setattr(module, "MOST_HELD", n_values)


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
    hold_at_most(monkeypatch, 0)
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
        monkeypatch.setattr(module, "bundle_reference", lambda *_, **__: known)
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
    hold_at_most(monkeypatch, 100)
    counted = report(EXAMPLE, **FILES)
    assert counted.report.n == exact.report.n
    assert any(c.ks is not None and c.ks.error > 0 for c in counted.report.drift.features)


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
    hold_at_most(monkeypatch, held)

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


HELD_OUT = {
    "reference": {"source": "reference.parquet", "holdout": True},
    "data": "current.parquet",
}


def metrics(found: Compared) -> tuple[dict[str, float], dict[str, float]]:
    """Estimated and real, by name."""
    assert found.performance is not None
    said, real = found.performance["estimated"], found.performance["measured"]
    estimated = {one["name"]: one["value"] for one in said["others"]}
    estimated[found.performance["metric"]] = said["label_free"]
    return estimated, {one["name"]: one["value"] for one in real["metrics"]} if real else {}


def split(folder: Path, first: int, n: int, *, labels: bool) -> None:
    """The example with some of its rows, without labels if they are not wanted."""
    for name in ("reference", "current"):
        table = pq.read_table(EXAMPLE / f"{name}.parquet")
        if name == "current":
            table = table.slice(first, n) if labels else table.slice(first, n).drop(["label"])
        pq.write_table(table, folder / f"{name}.parquet")


def test_the_example_does_worse_and_labels_contradict_its_scores() -> None:
    found = report(EXAMPLE, **HELD_OUT, windows={"rows": 500})
    record = found.as_dict()["performance"]
    assert record["measured"]["n_labelled"] == 4_000
    assert record["measured"]["metrics"][0]["value"] == pytest.approx(0.58725)
    assert record["measured"]["metrics"][0]["drop_lower"] > 0.25
    assert record["estimated"]["trust"]["trust"] == "contradicted"
    assert record["estimated"]["others"] == []
    real = [point["real"] for point in record["series"]]
    assert real == [0.85, 0.678, 0.552, 0.806, 0.34, 0.4, 0.606, 0.466]
    assert "easured accuracy 58.7 %" in found.verdict.reason


def test_estimates_without_labels_are_near_what_labels_say_while_the_world_is_as_it_was(
    tmp_path: Path,
) -> None:
    # The first 500 rows follow the reference at once. Those after them are of other regions, where
    # the same inputs mean other prices: no score can show that, and labels do (see above).
    split(tmp_path, 0, 500, labels=False)
    estimated, nothing = metrics(report(tmp_path, **HELD_OUT))
    split(tmp_path, 0, 500, labels=True)
    _, real = metrics(report(tmp_path, **HELD_OUT))
    assert nothing == {}
    assert set(estimated) == set(real) == {"accuracy", "precision", "recall", "f1", "auc"}
    # 500 labels alone scatter by two points, an AUC of few negatives by more.
    tolerance = {"accuracy": 0.03, "precision": 0.05, "recall": 0.05, "f1": 0.03, "auc": 0.1}
    for name, value in estimated.items():
        assert value == pytest.approx(real[name], abs=tolerance[name]), name


def weather(tmp_path: Path, *, in_time: bool) -> pa.Table:
    """A model of rain, trained on 4,000 days; writes the next 4,000 as reference, gives the rest.

    A logistic regression by hand, so that the test needs no library.
    """
    rng = np.random.default_rng(3)
    table = pq.read_table(WEATHER)
    if not in_time:
        table = table.take(pa.array(rng.permutation(table.num_rows)))
    names = [name for name in table.column_names if name.startswith("n_")]
    x = np.column_stack([np.nan_to_num(table[name].to_numpy()) for name in names])
    x = np.column_stack([np.ones(len(x)), x, x**2])
    y = table["y"].to_numpy()
    weights = np.zeros(x.shape[1])
    for _ in range(300):
        p = 1 / (1 + np.exp(-x[:4_000] @ weights))
        weights -= 0.5 * x[:4_000].T @ (p - y[:4_000]) / 4_000
    p = 1 / (1 + np.exp(-x @ weights))
    answered = table.append_column("probability", pa.array(p)).append_column(
        "prediction", pa.array((p > 0.5).astype(int))
    )
    answered = answered.rename_columns(
        ["label" if name == "y" else name for name in answered.column_names]
    )
    pq.write_table(answered.slice(4_000, 4_000), tmp_path / "reference.parquet")
    return answered.slice(8_000)


def both(tmp_path: Path, rows: pa.Table) -> tuple[Compared, Compared]:
    """What is said of rows without and with their labels."""
    pq.write_table(rows.drop(["label"]), tmp_path / "current.parquet")
    blind = report(tmp_path, **HELD_OUT)
    pq.write_table(rows, tmp_path / "current.parquet")
    return blind, report(tmp_path, **HELD_OUT)


def test_of_days_like_the_reference_all_metrics_are_estimated_to_a_few_points(
    tmp_path: Path,
) -> None:
    rest = weather(tmp_path, in_time=False)
    errors: dict[str, list[float]] = {}
    inside = 0
    for first in range(0, 10_000, 1_000):
        blind, labelled = both(tmp_path, rest.slice(first, 1_000))
        estimated, (_, real) = metrics(blind)[0], metrics(labelled)
        for name, value in estimated.items():
            errors.setdefault(name, []).append(abs(value - real[name]))
        assert blind.performance is not None
        said = blind.performance["estimated"]
        inside += said["lower"] <= real["accuracy"] <= said["upper"]
    means = {name: float(np.mean(some)) for name, some in errors.items()}
    # Labels of 1,000 days scatter by 1.3 points of accuracy, those of the 300 with rain by 2.8.
    assert means["accuracy"] < 0.02, means
    assert means["auc"] < 0.02, means
    assert means["precision"] < 0.05, means
    assert means["recall"] < 0.04, means
    assert means["f1"] < 0.04, means
    assert inside >= 9


def test_where_the_weather_changes_labels_contradict_what_scores_say(tmp_path: Path) -> None:
    rest = weather(tmp_path, in_time=True)
    n_wrong = 0
    for first in range(0, 10_000, 1_000):
        blind, labelled = both(tmp_path, rest.slice(first, 1_000))
        assert blind.performance is not None
        assert labelled.performance is not None
        alone = blind.performance["estimated"]
        real = labelled.performance["measured"]["metrics"][0]
        assert alone["trust"]["trust"] == "unverified"
        if abs(alone["value"] - real["value"]) > 0.05:
            n_wrong += 1
            found = labelled.performance["estimated"]
            assert found["trust"]["trust"] == "contradicted"
            assert found["value"] == pytest.approx(real["value"], abs=0.02)
            assert found["others"] == []
    assert n_wrong >= 5  # or the test says nothing


def test_labels_of_another_table_are_joined_by_id(tmp_path: Path) -> None:
    split(tmp_path, 0, 4_000, labels=False)
    table = pq.read_table(EXAMPLE / "current.parquet").select(["prediction_id", "label"])
    rows = [*table.slice(0, 1_000).to_pylist(), {"prediction_id": "nobody", "label": 1}]
    rows.append({**rows[0], "label": 1 - rows[0]["label"]})  # a correction: the last one counts
    lines = [f"{row['prediction_id']},{row['label']}" for row in rows]
    (tmp_path / "came.csv").write_text("\n".join(["prediction_id,label", *lines]) + "\n")
    found = report(tmp_path, **HELD_OUT, labels="came.csv", windows={"rows": 500})
    assert found.performance is not None
    real = found.performance["measured"]
    answers = pq.read_table(EXAMPLE / "current.parquet").slice(0, 1_000)
    right = answers["prediction"].to_numpy() == answers["label"].to_numpy()
    right[0] = not right[0]
    assert real["n_labelled"] == 1_000
    assert real["metrics"][0]["value"] == pytest.approx(right.mean())


def test_labels_without_an_id_are_a_typed_error_that_names_them(tmp_path: Path) -> None:
    split(tmp_path, 0, 500, labels=False)
    (tmp_path / "came.csv").write_text("customer,label\n7,1\n")
    with pytest.raises(LabelColumnsMissing, match=r"'came.csv' have no column of prediction ids"):
        report(tmp_path, **HELD_OUT, labels="came.csv")


def test_a_reference_without_labels_says_so_and_drift_is_told_all_the_same(tmp_path: Path) -> None:
    split(tmp_path, 0, 500, labels=True)
    table = pq.read_table(EXAMPLE / "reference.parquet")
    pq.write_table(table.drop(["label"]), tmp_path / "reference.parquet")
    found = report(tmp_path, **HELD_OUT)
    assert found.performance is None
    assert found.unmeasured == "The reference has no column of labels."
    assert found.report.n == 500
    pq.write_table(table.slice(0, 30), tmp_path / "reference.parquet")
    assert "30 rows with a prediction" in report(tmp_path, **HELD_OUT).unmeasured


def test_rows_that_cannot_be_judged_and_odd_classes_are_said(tmp_path: Path) -> None:
    split(tmp_path, 0, 500, labels=True)
    table = pq.read_table(tmp_path / "current.parquet")
    at = table.column_names.index("prediction")
    other = pa.array([7] * 20 + table["prediction"].to_pylist()[20:], pa.int8())
    pq.write_table(table.set_column(at, "prediction", other), tmp_path / "current.parquet")
    found = report(tmp_path, **HELD_OUT)
    assert any("20 rows of current.parquet predict a class" in p.message for p in found.problems)
    assert found.performance is not None
    assert found.performance["n_seen"] == 480
    vectors = pa.array([[0.1, 0.2, 0.7]] * 500)
    at = table.column_names.index("probability")
    pq.write_table(table.set_column(at, "probability", vectors), tmp_path / "current.parquet")
    found = report(tmp_path, **HELD_OUT)
    assert found.performance is None
    assert "3 probabilities a row for 2 classes" in found.unmeasured


def test_nothing_about_performance_is_asked_or_said_where_it_is_off_or_not_there(
    tmp_path: Path,
) -> None:
    assert report(EXAMPLE, **HELD_OUT, performance={"enabled": False}).performance is None
    for name in ("reference", "current"):
        table = pq.read_table(EXAMPLE / f"{name}.parquet").select(["rooms", "population"])
        pq.write_table(table, tmp_path / f"{name}.parquet")
    found = report(tmp_path, **HELD_OUT)
    assert (found.performance, found.unmeasured) == (None, "")


@pytest.mark.parametrize(
    ("max_age", "severity"),
    [(None, None), ("2000d", None), ("1000d", "warning"), ("500d", "critical")],
)
def test_rows_older_than_they_may_be_are_found(max_age: str | None, severity: str | None) -> None:
    said = {} if max_age is None else {"max_age": max_age}
    found = report(
        WEATHER.parent,
        reference=str(EXAMPLE / "reference.parquet"),
        data=str(EXAMPLE / "current.parquet"),
        **said,
    )
    ages = [one for one in found.report.quality if one.check is Check.AGE]
    assert [one.severity.value for one in ages] == ([] if severity is None else [severity])


def test_rows_in_another_order_give_the_same_figures_and_their_order_is_said(
    tmp_path: Path,
) -> None:
    rows = pq.read_table(EXAMPLE / "current.parquet")
    pq.write_table(
        rows.take(np.random.default_rng(0).permutation(len(rows))), tmp_path / "a.parquet"
    )
    holdout = {"source": str(EXAMPLE / "reference.parquet"), "holdout": True}
    found, sorted_ = (
        report(tmp_path, reference=holdout, data=str(data)).as_dict()
        for data in ("a.parquet", EXAMPLE / "current.parquet")
    )
    assert found["report"] == sorted_["report"]
    for one in ("estimated", "measured"):
        assert found["performance"][one] == sorted_["performance"][one]
    (said,) = found["problems"]
    assert "not in the order of their times" in said
    assert sorted_["problems"] == []
