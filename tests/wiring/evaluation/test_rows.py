"""The rows that versions are compared on."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.packaging.sample import BadSample
from seatrial.wiring.evaluation.rows import read, repeated


def test_training_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    holdout = tmp_path / "holdout.csv"
    holdout.write_text("age,churned\n41,1\n")
    with pytest.raises(BadSample, match=r"nowhere\.csv"):
        repeated(holdout, read(holdout), tmp_path / "nowhere.csv")
