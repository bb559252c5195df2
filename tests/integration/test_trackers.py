"""Trackers and searches with the vendors' own packages, in environments of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TESTS = ROOT / "tests" / "integration" / "trackers"
OWN = ("msgspec>=0.19", "psutil>=6.1", "pydantic>=2.10", "pyyaml>=6.0.2", "numpy>=2.0")
OWN += ("pytest>=8.3",)
MLFLOW = ("mlflow==3.17.2", *OWN)
FILES = (
    "mlflow-skinny==3.17.2",
    "alembic>=1.13",
    "pandas>=2.2",
    "sqlalchemy>=2.0",
    "sqlparse>=0.5",
)
WANDB = ("wandb==0.31.0",)
OPTUNA = ("optuna>=4.0",)


@pytest.fixture(scope="module")
def server_too(request: pytest.FixtureRequest) -> Path:
    """An interpreter with all of MLflow, its server too."""
    return environment(request.config, "trackers-mlflow-server", MLFLOW)


@pytest.fixture(scope="module")
def extras(request: pytest.FixtureRequest) -> Path:
    """An interpreter with seatrial and what its extras mlflow, wandb and optuna bring."""
    steps = (f"{ROOT}[mlflow,wandb,optuna]", *FILES, *WANDB, *OPTUNA, *OWN)
    return environment(request.config, "trackers-extras", steps)


def test_mlflow_passes_the_suite_over_a_file_and_a_server(server_too: Path, tmp_path: Path) -> None:
    passes(server_too, TESTS / "in_mlflow.py", tmp_path)


@pytest.mark.parametrize("tests", ["in_wandb", "in_optuna", "whole_search"])
def test_what_the_extras_bring_passes(extras: Path, tmp_path: Path, tests: str) -> None:
    passes(extras, TESTS / f"{tests}.py", tmp_path)
