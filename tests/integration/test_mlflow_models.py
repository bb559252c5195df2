"""Models that only MLflow can load, with MLflow in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes
from test_mlflow_registry import PINS

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_what_mlflow_loads_is_served_by_mlflow(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    python = environment(request.config, "mlflow-registry-3.17.2", PINS)
    folder = ROOT / "tests" / "integration" / "mlflow_models"
    passes(python, folder / "in_mlflow.py", tmp_path, path=[folder])
