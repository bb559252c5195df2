"""The real Ray, for batch scoring and for Ray Serve, in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment

PIN = "2.60.0"


def ray_python(config: pytest.Config) -> Path:
    """An interpreter with Ray, its Serve and what seatrial needs; kept in pytest's cache."""
    wanted = [f"ray[serve]=={PIN}", f"{ROOT}[ray-serve,sklearn]", "pytest>=8.3"]
    return environment(config, f"ray-{PIN}", wanted)
