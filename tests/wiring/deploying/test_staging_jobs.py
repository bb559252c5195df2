from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.registry.bundle import Bundle
from seatrial.release.config import ReleaseConfig
from seatrial.wiring.deploying import stager
from seatrial.wiring.deploying.staging_jobs import stager_of
from seatrial.wiring.workspace import open_workspace


def test_a_version_is_loaded_for_as_long_as_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_workspace(
        home=tmp_path, environment={"SEATRIAL_RELEASE__STAGING_LOAD": "1m30s"}
    )
    efforts, over = [], threading.Event()

    def stage(*_: object, effort: Any, **__: object) -> Any:
        efforts.append(effort.load_s)
        return SimpleNamespace(passed=True, reason="fine", as_dict=dict)

    bundle = SimpleNamespace(manifest=SimpleNamespace(plan={}))
    monkeypatch.setattr(stager, "stage", stage)
    monkeypatch.setattr(Bundle, "open", lambda *_, **__: bundle)
    plan = ReleaseConfig().plan()
    rollout: Any = SimpleNamespace(release="r", kind="model", version=1, digest="d", plan=plan)
    stages = stager_of(workspace, finished=lambda *_: over.set())
    assert stages.poll(rollout, endpoint="churn") is None
    assert over.wait(30)
    assert efforts == [90.0]
