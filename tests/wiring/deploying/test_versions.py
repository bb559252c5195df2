"""Opening bundles as live versions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.packaging.plan import elsewhere, plan
from seatrial.registry.manifest import Role
from seatrial.serving import remote
from seatrial.serving.engine import Cost, EngineKind
from seatrial.serving.spawn import ChildLimits
from seatrial.testing.models import matrix_signature, only
from seatrial.wiring.deploying.versions import open_version, plan_here
from seatrial.wiring.settings import ServerConfig


def test_a_native_call_may_run_no_longer_than_its_server_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A call that hung kept its version from answering for a minute, whatever the deadline."""
    made: dict[str, Any] = {}

    def engine(_model: remote.NativeModel, **options: Any) -> SimpleNamespace:
        made.update(options)
        return SimpleNamespace()

    monkeypatch.setattr(remote, "NativeEngine", engine)
    bundle: Any = SimpleNamespace(
        manifest=SimpleNamespace(plan=only(EngineKind.NATIVE).as_dict(), trusted=False),
        digest="d",
        signature=matrix_signature(),
        locate=lambda _role: tmp_path / "model.pkl",
    )
    config = ServerConfig(deadline_s=2.5, native_threads=4, native_memory_mib=4096)
    open_version(bundle, endpoint="churn", version=1, limits=config.child_limits())
    assert made["limits"] == ChildLimits(call_s=2.5, threads=4, memory_bytes=4 << 30)


def test_what_is_not_configured_is_what_a_process_may_use_by_default() -> None:
    assert replace(ServerConfig().child_limits(), call_s=60.0) == ChildLimits()


def test_a_version_for_elsewhere_runs_here_as_it_was_measured() -> None:
    """It once ran every request by itself, for batches are the business of a server elsewhere."""
    costs = [
        Cost(engine=kind, n_rows=n, seconds=seconds)
        for kind, n, seconds in (
            (EngineKind.ONNX, 1, 0.02),
            (EngineKind.ONNX, 64, 0.021),
            (EngineKind.WIDE, 1, 0.001),  # faster, but not in the bundle
            (EngineKind.WIDE, 64, 0.002),
        )
    ]
    there = elsewhere(plan(costs), "ray")
    bundle: Any = SimpleNamespace(
        manifest=SimpleNamespace(plan=there.as_dict(), artefacts={Role.ONNX: "model.onnx"})
    )
    here = plan_here(bundle)
    assert here.remote is None
    assert here.engines == {EngineKind.ONNX}
    assert here.batching
    assert here.linger_s > 0
