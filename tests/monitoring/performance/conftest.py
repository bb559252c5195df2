"""Lets the tests of performance share `known_models`, and makes its references once."""

import sys
from pathlib import Path

import pytest

from seatrial.monitoring.performance.reference import (
    PerformanceReference,
    classifier_reference,
    regressor_reference,
)
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.table import Table

sys.path.append(str(Path(__file__).parent))
from known_models import REGRESSION, binary, regression


@pytest.fixture(scope="session")
def classifier() -> PerformanceReference:
    """A calibrated model of two classes, right in 80 % of cases or so."""
    score, label = binary(1, 4_000)
    table = Table(columns={"p": score, "y": label}, n=len(score))
    return classifier_reference(table, ScoreColumns(probabilities="p", label="y"))


@pytest.fixture(scope="session")
def regressor() -> PerformanceReference:
    """A model whose errors grow with x."""
    return regressor_reference(regression(1, 6_000), REGRESSION, features=["x"])
