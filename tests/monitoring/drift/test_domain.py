"""Columns of vectors in a window's verdict and in the alarm over windows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from seatrial.monitoring.drift.alarm_state import WatchState
from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.drift.domain import CLASSIFIER, watched_means
from seatrial.monitoring.drift.flaw import Check
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.verdict import ColumnDrift
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.sayings import said_as
from seatrial.monitoring.watching.watch import Span, Watch
from seatrial.monitoring.watching.watch_findings import findings, moved_as

START = datetime(2026, 1, 1, tzinfo=UTC)
WIDTH = 36
DOCS = Path(__file__).parents[3] / "docs"

Rows = NDArray[np.floating]


def rows(n: int, seed: int, *, shift: float = 0.0) -> Rows:
    """Eight things vary, each in four numbers alike; what moves is four numbers beside these."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, WIDTH))
    found[:, :32] += 2 * np.repeat(rng.normal(size=(n, 8)), 4, axis=1)
    found[:, -4:] += shift / 2
    return found.astype(np.float32)


def table(column: Rows) -> Table:
    return Table(columns={"v": column}, n=len(column))


def profile(n: int = 4_000) -> Profile:
    return profile_of(table(rows(n, 0)))


def compared(known: Profile, column: Rows) -> ColumnDrift:
    return compare(known, Summariser(known).summarise(table(column))).features[0]


@pytest.mark.parametrize(
    ("shift", "severity"),
    [(0.0, Severity.NONE), (0.2, Severity.NONE), (0.6, Severity.WARNING), (1.2, Severity.CRITICAL)],
)
def test_severity_is_that_of_the_area(shift: float, severity: Severity) -> None:
    found = compared(profile(), rows(4_000, 1, shift=shift))
    assert found.kind == "embedding"
    assert found.severity is severity
    assert found.auc == found.classifier[0].auc.value
    if severity is Severity.NONE:
        assert "AUC" in found.reason or "no evidence" in found.reason
        return
    assert found.classifier[0].view == "level"
    assert re.fullmatch(
        rf".*told apart with AUC 0\.\d\d \+- 0\.0\d \({severity} from 0\.[67]\)\.", found.reason
    )
    assert "told" not in said_as(found.reason, "zh")


def test_few_rows_are_not_told_apart_and_say_so() -> None:
    found = compared(profile(), rows(60, 1, shift=3))
    assert (found.classifier, found.auc) == ((), None)
    assert "classifier" not in found.tests


def test_topics_of_texts_are_told_apart_by_their_embeddings() -> None:
    """Lines of these docs as TF-IDF along 32 singular vectors: without one subject, then with."""
    lines: dict[bool, list[str]] = {True: [], False: []}
    for page in sorted(DOCS.rglob("*.md")):
        if "zh-CN" in page.name:
            continue
        about_alerts = page.stem in {"alerts", "monitoring", "drift", "labels", "prometheus"}
        lines[about_alerts] += [
            line for line in page.read_text(encoding="utf-8").splitlines() if len(line.split()) >= 6
        ]
    texts = [*lines[False], *lines[True]]
    tfidf = TfidfVectorizer(min_df=3).fit_transform(texts)
    embedded = normalize(TruncatedSVD(32, random_state=0).fit_transform(tfidf)).astype(np.float32)
    others, alerts = embedded[: len(lines[False])], embedded[len(lines[False]) :]
    others = np.random.default_rng(0).permutation(others)
    before, after = np.array_split(others, 2)
    known = profile_of(table(before))
    quiet = compared(known, after)
    assert quiet.severity is Severity.NONE
    drifted = compared(known, np.concatenate([after[: len(alerts)], alerts]))
    assert drifted.severity is not Severity.NONE
    assert drifted.auc is not None
    assert quiet.auc is not None
    assert drifted.auc > quiet.auc + 0.05


def test_the_alarm_names_the_classifier_and_goes_on_from_its_bytes() -> None:
    known = profile(20_000)
    watch, summariser = Watch(known), Summariser(known)
    state, at, alarmed = watch.start(), START, None
    # Not along a principal axis and hardly farther from the middle: only a classifier sees it.
    for number in range(30):
        shift = 0.15 if number >= 4 else 0.0
        window = summariser.summarise(table(rows(1_000, 10 + number, shift=shift)))
        state, report = watch.step(WatchState.decode(state.encode()), window, _span(at))
        at += timedelta(hours=1)
        if report.alarm.alarm:
            alarmed = number
            break
    assert alarmed is not None
    assert 4 <= alarmed <= 20
    lead = report.alarm.moved[0]
    assert (lead.column, lead.moved) == (f"v/{CLASSIFIER}", "told apart by level")
    assert lead.effect == pytest.approx(0.15**2, rel=0.6)
    assert lead.since is not None
    assert abs(lead.since - START - timedelta(hours=4)) <= timedelta(hours=2)
    assert moved_as(lead.moved or "", "zh") == "分类器可按取值区分"
    (drift, *_) = findings(report, endpoint="e", version=1)
    assert drift.features[0] == lead.column
    record = report_record(report)
    json.dumps(record, allow_nan=False)
    (column,) = record["features"]
    assert column["auc"] == column["classifier"][0]["auc"]


def test_quiet_windows_raise_no_alarm_though_the_reference_is_small() -> None:
    known = profile(300)
    watch, summariser = Watch(known), Summariser(known)
    state, at = watch.start(), START
    for number in range(60):
        window = summariser.summarise(table(rows(300, 100 + number)))
        state, report = watch.step(state, window, _span(at))
        at += timedelta(hours=1)
        assert report.alarm.outcome is DriftOutcome.QUIET


def test_a_state_of_before_classifiers_goes_on() -> None:
    known = profile()
    watch, summariser = Watch(known), Summariser(known)
    window = summariser.summarise(table(rows(500, 1)))
    state, _ = watch.step(watch.start(), window, _span(START))
    parts: list[Any] = msgspec.msgpack.decode(state.encode())
    older = WatchState.decode(msgspec.msgpack.encode([1, *parts[1:5]]))
    assert older.means == {}
    nothing = summariser.summarise(table(rows(0, 1)))
    assert watch.step(older, nothing, _span(START))[1].alarm.outcome is DriftOutcome.NO_DATA
    after, report = watch.step(older, window, _span(START))
    assert list(after.means) == [f"v/{CLASSIFIER}"]
    assert report.alarm.outcome is DriftOutcome.QUIET


def test_vectors_that_are_not_finite_are_a_finding_of_quality() -> None:
    known = profile()
    column = rows(1_000, 1)
    column[:300] = np.nan
    column[300:320, 3] = np.inf
    summary = Summariser(known).summarise(table(column))
    found = {finding.check: finding for finding in check_quality(known, summary)}
    assert found[Check.INFINITE].value == "20 of 1,000 have a number that is not finite"
    assert found[Check.INFINITE].severity is Severity.CRITICAL
    assert found[Check.MISSING].value == "30.0% missing"
    assert said_as(found[Check.INFINITE].value, "zh") != found[Check.INFINITE].value
    wider = Summariser(known).summarise(table(np.ones((10, 3), np.float32)))
    (kind,) = (f for f in check_quality(known, wider) if f.check is Check.KIND)
    assert (kind.column, kind.value) == ("v", "vectors of 3 in 10 rows")
    assert said_as(kind.value, "zh") != kind.value


def test_a_reference_without_rows_enough_is_watched_by_its_histograms_alone() -> None:
    known = profile(60)
    assert watched_means(known) == []
    state, report = Watch(known).step(
        Watch(known).start(), Summariser(known).summarise(table(rows(500, 1))), _span(START)
    )
    assert state.means == {}
    assert report.n == 500


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5),
    st.lists(st.sampled_from([0.0, 1.0, -2.0, 1e9, 1e-30, 3e38, np.nan, np.inf]), min_size=1),
    st.lists(st.sampled_from([0.0, 1.0, 5.0, -1e20, np.nan, -np.inf]), min_size=1),
    st.integers(0, 600),
    st.integers(0, 600),
    st.floats(0, 1),
)
def test_whatever_vectors_hold_there_is_a_report(
    width: int, before: list[float], after: list[float], n: int, m: int, share: float
) -> None:
    rng = np.random.default_rng(n)

    def drawn(values: list[float], count: int) -> Rows:
        found = rng.normal(size=(count, width))
        picked = rng.random((count, width)) < share
        found[picked] = rng.choice(np.array(values), int(picked.sum()))
        return found

    known = profile_of(Table(columns={"v": drawn(before, n), "x": np.arange(float(n))}, n=n))
    if not n:
        return
    summary = Summariser(known).summarise(
        Table(columns={"v": drawn(after, m), "x": np.arange(float(m))}, n=m)
    )
    watch = Watch(known)
    state = watch.start()
    for _ in range(2):
        state, report = watch.step(WatchState.decode(state.encode()), summary, _span(START))
    json.dumps(report_record(report), allow_nan=False)
    for column in report.drift.features:
        assert 0 <= column.p_value <= 1
        for test in column.classifier:
            assert 0 <= test.auc.value <= 1
            assert np.isfinite(test.auc.standard_error)
            assert 0 <= test.p_value <= 1


def _span(at: datetime) -> Span:
    return Span(start=at, end=at + timedelta(hours=1))
