"""Feast itself, in an environment of its own: its stores, and our commands over it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FEAST = "feast[redis,postgres]==0.67.0"
PINS = (FEAST, "pytest>=8.3")


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with Feast; kept in pytest's cache from run to run."""
    return environment(request.config, "feast-0.67.0", PINS)


def test_its_stores_are_read_as_feast_reads_them(
    python: Path, tmp_path: Path, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
    monkeypatch.setenv("SEATRIAL_TEST_REDIS_URL", redis_server.url)
    passes(python, ROOT / "tests" / "integration" / "feast_stores.py", tmp_path)
