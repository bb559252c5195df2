"""What `monitoring.yaml` may say, and that what it says wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.kernel.config import ConfigInvalid, load
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.watch_file import MonitoringFile

LOG = {"endpoint": "churn", "data": "log.csv", "reference": "reference.csv"}


def loaded(folder: Path, content: dict[str, object]) -> MonitoringFile:
    path = folder / "monitoring.yaml"
    path.write_text(yaml.safe_dump(content))
    return load(path, MonitoringFile, {}, prefix="SEATRIAL_MONITORING__")


def refused(folder: Path, content: dict[str, object]) -> str:
    with pytest.raises(ConfigInvalid) as bad:
        loaded(folder, content)
    return bad.value.problem


def test_a_text_is_short_for_a_source(tmp_path: Path) -> None:
    file = loaded(tmp_path, LOG)
    assert file.data is not None
    assert file.reference is not None
    assert (file.data.kind, file.reference.source) == ("csv", "reference.csv")
    assert file.reference.bundle is None


@pytest.mark.parametrize(
    ("source", "bundle"),
    [
        ("churn@3", ("churn", 3)),
        ("churn-eu_2@12", ("churn-eu_2", 12)),
        ("churn@0", None),
        ("log/churn@3", None),
        ("postgresql://me@3", None),
        ("churn@3.parquet", None),
    ],
)
def test_a_name_with_a_number_means_a_version_of_the_workspace(
    tmp_path: Path, source: str, bundle: tuple[str, int] | None
) -> None:
    content: dict[str, object] = {**LOG, "reference": {"source": source, "table": "t"}}
    if not source.startswith("postgresql"):
        content["reference"] = source
    file = loaded(tmp_path, content)
    assert file.reference is not None
    assert file.reference.bundle == bundle


@pytest.mark.parametrize(
    ("windows", "n_rows", "every_s", "lateness_s"),
    [
        ({}, 1000, None, None),
        ({"rows": 200}, 200, None, None),
        ({"every": "1h"}, None, 3600, 300.0),
        ({"every": "1m"}, None, 60, 60.0),
        ({"every": "7d", "lateness": "1d"}, None, 604_800, 86_400.0),
    ],
)
def test_windows_of_a_log(
    tmp_path: Path,
    windows: dict[str, object],
    n_rows: int | None,
    every_s: int | None,
    lateness_s: float | None,
) -> None:
    found = loaded(tmp_path, {**LOG, "windows": windows}).windows.windows()
    assert (found.n_rows, found.every_s, found.lateness_s) == (n_rows, every_s, lateness_s)


@pytest.mark.parametrize(
    ("windows", "grace_s"),
    [
        ({"every": "10s"}, 60.0),
        ({"every": "10m"}, 600.0),
        ({"every": "7d"}, 3600.0),
        ({"every": "10m", "grace": "2h"}, 7200.0),
    ],
)
def test_a_quiet_log_is_given_as_long_as_a_window_within_reason(
    tmp_path: Path, windows: dict[str, object], grace_s: float
) -> None:
    assert loaded(tmp_path, {**LOG, "windows": windows}).windows.grace_s == grace_s


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"endpoint": "churn", "windows": {"grace": "1h"}}, "windows.grace is for a log"),
        ({**LOG, "refrence": "x"}, "refrence is not a known key; did you mean 'reference'?"),
        ({**LOG, "data": {"sorce": "x"}}, "did you mean 'source'?"),
        ({**LOG, "data": {"source": "x", "columns": {"timestmp": "at"}}}, "'timestamp'?"),
        ({"endpoint": "churn", "data": "log.csv"}, "data needs a reference"),
        ({"data": "log.csv", "reference": "x"}, "endpoint is needed and not there"),
        ({"endpoint": "churn", "reference": "x.csv"}, "reference is for a log"),
        ({"endpoint": "churn", "max_age": "2h"}, "max_age is for a log"),
        ({"endpoint": "churn", "importance": {"age": 2}}, "importance is for a log"),
        ({"endpoint": "churn", "windows": {"rows": 5}}, "windows.rows is for a log"),
        ({**LOG, "windows": {"rows": 5, "every": "1h"}}, "needs either rows or every"),
        ({**LOG, "windows": {"every": 1.5}}, "every is in whole seconds"),
        ({**LOG, "windows": {"least_rows": 5}}, "windows.least_rows is for a server"),
        ({**LOG, "windows": {"every": "1h", "time_zone": "Nowhere"}}, "is no time zone"),
        ({"endpoint": "c", "windows": {"every": "2d"}}, "longest is shorter than windows.every"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, content: dict[str, object], said: str) -> None:
    assert said in refused(tmp_path, content)


def test_segments_may_be_named_in_both_places(tmp_path: Path) -> None:
    data = {"source": "log.csv", "columns": {"segments": ["city", "plan"]}}
    assert loaded(tmp_path, {**LOG, "data": data, "segments": "plan"}).split_by == ("plan", "city")


def test_a_server_watches_segments_too_and_so_does_a_log_beside_a_bundle(tmp_path: Path) -> None:
    of_server = loaded(tmp_path, {"endpoint": "churn", "segments": "plan"})
    assert of_server.of_server().segments == ("plan",)
    assert loaded(tmp_path, {**LOG, "reference": "churn@3", "segments": "plan"}).split_by == (
        "plan",
    )


def test_a_server_gets_what_a_server_reads(tmp_path: Path) -> None:
    content = {
        "endpoint": "churn",
        "out": "x",
        "windows": {"every": "5m", "least_rows": 100},
        "alerts": {"default": {"for": "1m"}},
    }
    found = loaded(tmp_path, content).of_server()
    del content["endpoint"], content["out"]
    assert found == MonitoringConfig.model_validate(content)


def test_variables_go_over_the_file_and_those_of_others_do_not(tmp_path: Path) -> None:
    path = tmp_path / "monitoring.yaml"
    path.write_text(yaml.safe_dump(LOG))
    env = {
        "SEATRIAL_MONITORING__NOTIFY__LANGUAGE": "zh",
        "SEATRIAL_SERVER__PORT": "9000",
        "SEATRIAL_HOME": "x",
    }
    file = load(path, MonitoringFile, env, prefix="SEATRIAL_MONITORING__")
    assert file.notify.language == "zh"


def test_a_window_of_performance_is_one_of_drift_unless_something_else_is_said(
    tmp_path: Path,
) -> None:
    assert loaded(tmp_path, LOG).performance_rows == 1_000
    assert loaded(tmp_path, {**LOG, "windows": {"rows": 500}}).performance_rows == 500
    assert loaded(tmp_path, {**LOG, "windows": {"rows": 20}}).performance_rows == 100
    more = {"windows": {"rows": 500}, "performance": {"window_rows": 300}}
    assert loaded(tmp_path, {**LOG, **more}).performance_rows == 300


def test_labels_are_for_a_log_and_a_reference_may_be_held_out(tmp_path: Path) -> None:
    file = loaded(
        tmp_path,
        {**LOG, "labels": "came.csv", "reference": {"source": "reference.csv", "holdout": True}},
    )
    assert file.labels is not None
    assert file.reference is not None
    assert (file.labels.source, file.reference.holdout) == ("came.csv", True)
    assert "labels is for a log" in refused(tmp_path, {"endpoint": "churn", "labels": "came.csv"})
