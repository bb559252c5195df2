"""MLflow's prompt registry, with its own client and store, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
MLFLOW = "mlflow-skinny==3.17.2"
PINS = (MLFLOW, "alembic", "numpy", "pandas>=2.2", "sqlalchemy>=2", "sqlparse", "pytest>=8.3")
PINS += ("jinja2>=3.1.5", "msgspec>=0.19", "orjson>=3.10.12", "pyyaml>=6.0.2")


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with MLflow; kept in pytest's cache from run to run."""
    folder = request.config.cache.mkdir("prompts-" + MLFLOW.replace("==", "-"))
    interpreter = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PINS], check=True)
        (folder / "done").touch()
    return interpreter


def test_the_registry_passes_the_suite(python: Path, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "prompts_in_mlflow.py"
    command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path]
    command += ["-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", tests]
    ran = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout
