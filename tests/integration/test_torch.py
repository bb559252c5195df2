"""PyTorch's formats, with the real package in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PIN = "torch==2.13.0"


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with PyTorch and seatrial's own dependencies; kept in pytest's cache."""
    mlflow = ("mlflow-skinny==3.17.2", "pandas>=2.2")
    return environment(request.config, PIN, [PIN], [f"{ROOT}[torch]", *mlflow, "pytest>=8.3"])


def test_every_form_is_exported_or_served_natively(python: Path, tmp_path: Path) -> None:
    folder = ROOT / "tests" / "integration" / "torch_models"
    passes(python, folder / "in_torch.py", tmp_path, path=[folder])
