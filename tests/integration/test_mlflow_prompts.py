"""MLflow's prompt registry, with its own client and store, in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MLFLOW = "mlflow-skinny==3.17.2"
PINS = (MLFLOW, "alembic", "numpy", "pandas>=2.2", "sqlalchemy>=2", "sqlparse", "pytest>=8.3")
PINS += ("jinja2>=3.1.5", "msgspec>=0.19", "orjson>=3.10.12", "pyyaml>=6.0.2")


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with MLflow; kept in pytest's cache from run to run."""
    return environment(request.config, "prompts-" + MLFLOW, PINS)


def test_the_registry_passes_the_suite(python: Path, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "prompts_in_mlflow.py"
    passes(python, tests, tmp_path)
