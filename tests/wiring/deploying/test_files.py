"""What staging measured goes into a release's files, and only when it measured something."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.packaging.replicas import Wanted, replicas_for
from seatrial.packaging.sizing import Measured
from seatrial.packaging.staging_report import StagingReport, TestResult
from seatrial.wiring.deploying import files
from seatrial.wiring.deploying.files import measured_of, write_files
from seatrial.wiring.workspace import Workspace, open_workspace

LOAD = {
    "p50_ms": 1.0,
    "p95_ms": 8.0,
    "p99_ms": 9.0,
    "requests_per_s": 200.0,
    "n": 1000.0,
    "n_failed": 0.0,
    "rss_bytes": 9e7,
    "cpu_s_per_request": 0.004,
    "cold_start_s": 0.75,
}


def report(*, passed: bool = True, **measured: float) -> StagingReport:
    tests = (TestResult(name="load", passed=passed, detail="", seconds=1.0),)
    return StagingReport(endpoint="churn", version=3, digest="d", tests=tests, measured=measured)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(home=tmp_path / "home", environment={})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, dict[str, Any]]]:
    """The folder and the options of every call that writes."""
    calls: list[tuple[Path, dict[str, Any]]] = []
    monkeypatch.setattr(
        files, "write", lambda folder, _bundle, **options: calls.append((folder, options))
    )
    return calls


BUNDLE: Any = SimpleNamespace(manifest=SimpleNamespace(name="churn", plan={"remote": "triton"}))


def test_they_lie_in_the_folder_of_the_version(
    workspace: Workspace, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    write_files(workspace, BUNDLE, None, 3)
    ((folder, options),) = written
    assert folder == workspace.home / "releases" / "churn" / "3"
    assert options == {
        "version": 3,
        "measured": None,
        "manifests": workspace.settings.kubernetes,
        "plan": workspace.settings.release.plan(),
        "native_memory_mib": None,
        "keys": None,
        "engine": None,
    }


def test_they_are_told_which_keys_are_trusted_and_where_the_engine_is(
    tmp_path: Path, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    write_new_key(tmp_path / "team.key")
    told = {
        "SEATRIAL_SERVER__VERIFY_KEY": str(tmp_path / "team.key.pub"),
        "SEATRIAL_ENGINES__TRITON__URL": "http://triton:8000",
    }
    write_files(open_workspace(home=tmp_path, environment=told), BUNDLE, None, 3)
    ((_, options),) = written
    assert options["keys"] == (tmp_path / "team.key.pub").read_text()
    assert options["engine"].url == "http://triton:8000"


def test_they_carry_the_memory_along_that_somebody_chose(
    tmp_path: Path, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    chosen = {"SEATRIAL_SERVER__NATIVE_MEMORY_MIB": "4096"}
    write_files(open_workspace(home=tmp_path, environment=chosen), BUNDLE, None, 3)
    assert [options["native_memory_mib"] for _, options in written] == [4096]


def test_a_load_that_passed_gives_the_sizes_in_units_of_one(
    workspace: Workspace, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    write_files(workspace, BUNDLE, report(**LOAD), 3)
    assert written[0][1]["measured"] == Measured(
        rss_bytes=90_000_000,
        cpu_per_request_s=0.004,
        requests_per_s=200.0,
        p95_s=0.008,
        start_s=0.75,
    )


def test_requests_that_were_alone_and_what_the_autoscaler_is_told_go_into_the_files(
    workspace: Workspace, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    alone = {f"alone_p{p}_ms": p / 10 for p in (96, 97, 98, 99)}
    found = report(**LOAD, alone_n=300.0, alone_sd_ms=0.5, **alone)
    measured = measured_of(found)
    assert measured is not None
    assert measured.alone is not None
    assert measured.alone.n == 300
    assert measured.alone.deviation_s == 0.0005
    assert measured.alone.quantiles[0] == (0.96, pytest.approx(0.0096))
    wanted = replicas_for(Wanted(rps=500, p95_s=0.05), measured)
    write_files(workspace, BUNDLE, found, 3, replicas=wanted)
    manifests = written[0][1]["manifests"]
    assert (manifests.min_replicas, manifests.max_replicas) == (wanted.n, 2 * wanted.n)
    assert manifests.target_cpu == wanted.cpu_percent


def test_a_load_too_light_for_the_clock_still_gives_sizes(
    workspace: Workspace, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    write_files(workspace, BUNDLE, report(**LOAD | {"cpu_s_per_request": 0.0}), 3)
    assert written[0][1]["measured"].cpu_per_request_s > 0


@pytest.mark.parametrize(
    "found",
    [report(passed=False, **LOAD), report(), report(cold_start_s=0.5)],
    ids=["failed", "nothing measured", "no load"],
)
def test_without_a_load_that_passed_the_sizes_stay_a_guess(
    found: StagingReport, workspace: Workspace, written: list[tuple[Path, dict[str, Any]]]
) -> None:
    write_files(workspace, BUNDLE, found, 3)
    assert written[0][1]["measured"] is None
