"""Staging real bundles: a server of its own from the bundle alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from seatrial.packaging.staging import Effort
from seatrial.packaging.staging_page import FILES, page
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.release.gate import ErrorRateGate, Gates, LatencyGate
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.deploying.stager import stage
from seatrial.wiring.workspace import open_workspace

pytestmark = [pytest.mark.slow, pytest.mark.integration]

GATES = Gates(gates=(ErrorRateGate(limit=0.001), LatencyGate(limit_ms=2_000)))


def bundle_of(tmp_path: Path, **wanted: Any) -> Bundle:
    workspace = open_workspace(home=tmp_path / "home", environment={})
    placed = deploy_order(
        workspace, Order(**wanted), on_step=lambda *_: None, on_progress=lambda *_: None
    )
    placed.store.close()
    return Bundle.open(workspace.bundles / placed.version.digest)


@pytest.mark.parametrize(
    ("file", "data"), [("mixed.pkl", "mixed.parquet"), ("price.pkl", None), ("native.pkl", None)]
)
def test_a_real_bundle_passes(file: str, data: str | None, models: Any, tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, model=models / file, data=data and models / data)
    folder = tmp_path / "reports"
    report = stage(folder, bundle, endpoint="m", version=4, gates=GATES, effort=Effort(load_s=0.5))
    assert report.passed, report.as_text()
    assert report.about["engine"] == ("native" if file == "native.pkl" else "onnx")
    assert report.about["resources"]["memory_mib"] > report.measured["rss_bytes"] / 2**20
    assert json.loads((folder / "staging.json").read_text()) == report.as_dict()
    assert (folder / "staging.txt").read_text() == report.as_text()
    for language, name in FILES.items():
        assert (folder / name).read_text() == page(report, language)


def test_a_server_ended_from_outside_is_started_again(models: Any, tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, model=models / "price.pkl")
    begun: list[str] = []

    def end_the_first(test: str) -> None:
        begun.append(test)
        if begun.count("golden parity") == 1 and test == "golden parity":
            (server,) = (
                child for child in psutil.Process().children() if "serve-bundle" in child.cmdline()
            )
            server.kill()

    report = stage(
        tmp_path / "reports",
        bundle,
        endpoint="m",
        version=1,
        gates=GATES,
        effort=Effort(load_s=0.5),
        on_test=end_the_first,
    )
    assert report.passed, report.as_text()
    assert begun.count("start") == 2


def test_a_bundle_that_cannot_be_loaded_says_the_servers_last_words(
    models: Any, tmp_path: Path
) -> None:
    bundle = bundle_of(tmp_path, model=models / "price.pkl")
    artefact = bundle.locate(Role.ONNX)
    artefact.chmod(0o600)
    artefact.write_bytes(artefact.read_bytes()[:-1] + b"x")
    report = stage(
        tmp_path / "reports", bundle, endpoint="m", version=1, gates=GATES, effort=Effort()
    )
    assert [test.name for test in report.tests] == ["start"]
    assert "ended before it was ready" in report.reason
    assert artefact.name in report.reason
