"""Embedders by OpenVINO against the suite that defines one, with the real package in an environment
of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PIN = "openvino==2026.4.1"
OURS = ("numpy>=2.0", "onnx>=1.17", "tokenizers>=0.20", "pytest>=8.3")


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with OpenVINO and without ONNX Runtime; kept in pytest's cache."""
    return environment(request.config, PIN, [PIN, *OURS])


def test_an_embedder_by_openvino_passes_the_suite(python: Path, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "openvino" / "in_openvino.py"
    passes(python, tests, tmp_path, path=[ROOT])
