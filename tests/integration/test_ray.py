"""Scoring by actors of Ray, with the real package in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, passes
from ray_environment import ray_python

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_actors_answer_as_processes_do(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    python = ray_python(pytestconfig)
    folder = ROOT / "tests" / "integration" / "ray_actors"
    passes(python, folder / "in_ray.py", tmp_path, path=[ROOT])
