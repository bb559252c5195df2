"""Text classifiers of Hugging Face, with the real packages in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("torch==2.13.0", "transformers==5.24.0")


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with both and seatrial's own dependencies; kept in pytest's cache."""
    torch, transformers = PINS
    return environment(
        request.config, transformers, [torch], [f"{ROOT}[huggingface]", transformers, "pytest>=8.3"]
    )


def test_every_folder_is_exported_or_refused(python: Path, tmp_path: Path) -> None:
    folder = ROOT / "tests" / "integration" / "huggingface_models"
    passes(python, folder / "in_transformers.py", tmp_path, path=[folder])
