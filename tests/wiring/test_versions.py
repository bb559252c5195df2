"""Opening bundles as live versions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.serving import remote
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import matrix_signature, only
from seatrial.wiring.versions import open_version


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
    open_version(bundle, endpoint="churn", version=1, call_timeout_s=2.5)
    assert made["limits"].call_s == 2.5
    assert made["limits"].threads == 1
    open_version(bundle, endpoint="churn", version=1, call_timeout_s=2.5, threads=4)
    assert made["limits"].threads == 4
