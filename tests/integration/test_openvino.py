"""Embedders by OpenVINO against the suite that defines one, with the real package in an environment
of its own."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PIN = "openvino==2026.4.1"
OURS = ("numpy>=2.0", "onnx>=1.17", "tokenizers>=0.20", "pytest>=8.3")


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with OpenVINO and without ONNX Runtime; kept in pytest's cache."""
    folder = request.config.cache.mkdir(PIN.replace("==", "-"))
    interpreter = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [interpreter, "-m", "pip", "install", "--quiet", PIN, *OURS]
        subprocess.run(install, check=True)
        (folder / "done").touch()
    return interpreter


def test_an_embedder_by_openvino_passes_the_suite(python: Path, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "openvino" / "in_openvino.py"
    command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path]
    command += ["-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", tests]
    ran = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout
