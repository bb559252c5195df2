"""CatBoost's format, with the real package in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PIN = "catboost==1.2.10"


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with CatBoost and seatrial's own dependencies; kept in pytest's cache."""
    return environment(request.config, PIN, [PIN, f"{ROOT}[catboost]", "pytest>=8.3"])


def test_its_files_are_served_and_exported(python: Path, tmp_path: Path) -> None:
    folder = ROOT / "tests" / "integration" / "catboost_models"
    passes(python, folder / "in_catboost.py", tmp_path)
