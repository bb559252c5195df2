"""Scoring by actors of Ray, with the real package in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PIN = "ray==2.60.0"


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with Ray and seatrial's own dependencies; kept in pytest's cache."""
    return environment(request.config, PIN, [PIN, f"{ROOT}[ray,sklearn]", "pytest>=8.3"])


def test_actors_answer_as_processes_do(python: Path, tmp_path: Path) -> None:
    folder = ROOT / "tests" / "integration" / "ray_actors"
    passes(python, folder / "in_ray.py", tmp_path, path=[ROOT])
