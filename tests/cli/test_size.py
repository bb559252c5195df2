"""`seatrial size` over staging reports of each kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.exits import Exit
from seatrial.registry.catalog import Registration, register
from seatrial.registry.manifest import Framework
from seatrial.wiring.workspace import open_workspace

Answer = Callable[..., tuple[int, str, str]]

MEASURED = {
    "p50_ms": 1.0,
    "p95_ms": 8.0,
    "requests_per_s": 200.0,
    "n": 1000.0,
    "rss_bytes": 9e7,
    "cpu_s_per_request": 0.004,
    "cold_start_s": 0.75,
    "alone_n": 300.0,
    "alone_sd_ms": 2.0,
    "alone_p96_ms": 10.0,
    "alone_p97_ms": 11.0,
    "alone_p98_ms": 12.0,
    "alone_p99_ms": 15.0,
}
PRICES = "currency: EUR\ncpu_core_hour: 0.04\nmemory_gib_hour: 0.005\n"


@pytest.fixture
def folder(home: Any) -> Path:
    """Of version 1 of churn, which is registered."""
    opened = open_workspace(home=home.folder)
    store = opened.open_store()
    registration = Registration(
        digest=f"{1:064x}",
        framework=Framework(name="scikit-learn", version="1.5.2"),
        source_name="churn.pkl",
        source_sha256=f"{1:064x}",
    )
    register(store, "churn", registration, by="test")
    store.close()
    made = opened.release_folder("churn", 1)
    made.mkdir(parents=True)
    return made


def staged(folder: Path, measured: dict[str, float], *, passed: bool = True) -> None:
    test = {"name": "sustained load", "passed": passed, "detail": "", "seconds": 1.0}
    record = {"endpoint": "churn", "version": 1, "digest": "d", "measured": measured}
    (folder / "staging.json").write_text(json.dumps({**record, "tests": [test]}))


def test_replicas_resources_and_cost_are_said(
    folder: Path, seatrial: Answer, tmp_path: Path
) -> None:
    staged(folder, MEASURED)
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES)
    words = ("size", "churn@1", "--rps", "1000", "--p95-ms", "50", "--prices", str(prices))
    code, out, err = seatrial(*words, "--json")
    assert code == Exit.DONE, err
    found = json.loads(out)
    assert (found["replicas"], found["max_replicas"]) == (10, 20)
    assert (found["cpu_m"], found["memory_mib"]) == (800, 160)
    assert found["used_share_one_lost"] == pytest.approx(5 / 9)
    assert found["p95_bound_one_lost_ms"] <= 50
    assert found["month"] == {"currency": "EUR", "cost": "239.30", "most": "478.61"}
    code, _, err = seatrial(*words)
    assert code == Exit.DONE
    assert "10 to 20" in err
    assert "239.30 EUR" in err


@pytest.mark.parametrize(
    ("measured", "passed", "said"),
    [
        ({}, True, "measured no load"),
        (MEASURED, False, "failed"),
        ({k: v for k, v in MEASURED.items() if "alone" not in k}, True, "no requests one at a"),
        (MEASURED | {"alone_n": 3.0}, True, "only 3 requests"),
    ],
)
def test_what_staging_did_not_measure_is_refused(
    folder: Path, seatrial: Answer, measured: dict[str, float], passed: bool, said: str
) -> None:
    staged(folder, measured, passed=passed)
    code, _, err = seatrial("size", "churn@1", "--rps", "10", "--p95-ms", "50")
    assert (code, said in err) == (Exit.NOT_FOUND, True), err


@pytest.mark.parametrize("content", [b"", b"[]", b'{"measured": 3}', b"\xff\xfe"])
def test_a_report_that_cannot_be_read_is_named(
    folder: Path, seatrial: Answer, content: bytes
) -> None:
    (folder / "staging.json").write_bytes(content)
    code, _, err = seatrial("size", "churn@1", "--rps", "10", "--p95-ms", "50")
    assert (code, "cannot be read" in err) == (Exit.NOT_FOUND, True), err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--rps", "10", "--p95-ms", "9"), Exit.INVALID, "Allow 10 ms"),
        (("--rps", "1e7", "--p95-ms", "50"), Exit.LIMIT, "more than 1,000"),
        (("--rps", "0", "--p95-ms", "50"), Exit.USAGE, "--rps"),
        (("--rps", "10", "--p95-ms", "nan"), Exit.USAGE, "--p95-ms"),
        (("--rps", "10"), Exit.USAGE, "--p95-ms"),
    ],
)
def test_a_load_that_cannot_be_borne_is_refused(
    folder: Path, seatrial: Answer, words: tuple[str, ...], code: Exit, said: str
) -> None:
    staged(folder, MEASURED)
    found, _, err = seatrial("size", "churn@1", *words)
    assert (found, said in err) == (code, True), err


def test_a_version_that_was_not_staged_here_is_named(folder: Path, seatrial: Answer) -> None:
    code, _, err = seatrial("size", "churn@1", "--rps", "10", "--p95-ms", "50")
    assert (code, "not staged here" in err) == (Exit.NOT_FOUND, True), err


@pytest.mark.parametrize("words", [("--rps", "9"), ("--rps", "9", "--p95-ms", "50")])
def test_deploy_takes_a_load_only_whole_and_for_a_cluster(
    seatrial: Answer, words: tuple[str, ...]
) -> None:
    code, _, err = seatrial("deploy", "model.pkl", *words)
    assert (code, "go together" in err) == (Exit.USAGE, True), err
