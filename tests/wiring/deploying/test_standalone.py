"""The application of a container: what its variables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.wiring.deploying import standalone


@pytest.mark.parametrize(("given", "mib"), [(None, 2048), ("", 2048), ("4096", 4096)])
def test_the_memory_of_a_native_model_is_that_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None, mib: int
) -> None:
    made: dict[str, Any] = {}

    class Told(standalone.Standalone):
        def __init__(self, bundle: Any, **options: Any) -> None:
            made.update(options)
            super().__init__(bundle, name="churn", **options)

    monkeypatch.setattr(standalone, "Standalone", Told)
    monkeypatch.setattr(standalone.Bundle, "open", lambda folder: object())
    monkeypatch.setenv(standalone.BUNDLE, str(tmp_path))
    if given is not None:
        monkeypatch.setenv(standalone.NATIVE_MEMORY, given)
    standalone.app()
    assert made["limits"].memory_bytes == mib << 20


def test_a_container_without_a_bundle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(standalone.BUNDLE, raising=False)
    with pytest.raises(standalone.BundleMissing, match="SEATRIAL_BUNDLE"):
        standalone.app()
