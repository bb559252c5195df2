"""Whose fault it is that there is no answer: the version's, or that of a row no model knows."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.bundle_files import BundleNotFound
from seatrial.registry.signature import Batch, Dtype, Feature, Output, Signature, Task
from seatrial.serving.exchange import BadInput, BadOutput
from seatrial.serving.failures import EngineCrashed, EngineFailed
from seatrial.serving.outcome import REJECTED, outcome_of
from seatrial.serving.reach import Blame
from seatrial.testing.models import column_signature, matrix_signature

SIGNATURE = matrix_signature(("age", "income"), Dtype.FLOAT64)
GOLDEN = np.array([[20.0, 1000.0], [60.0, 3000.0]])
FAILED = EngineFailed("It raised.", remedy="Test it.")


def blamed(error: SeatrialError, rows: Batch, golden: Batch = GOLDEN) -> SeatrialError:
    signature = SIGNATURE if isinstance(rows, np.ndarray) else column_signature()
    return Blame(signature, lambda: golden).of(error, rows)


@pytest.mark.parametrize("value", [1e39, -1e39, 9001.0, -5001.0])
@pytest.mark.parametrize("error", [FAILED, BadOutput("It returned inf.", remedy="Check.", row=1)])
def test_a_number_far_from_all_known_ones_is_the_clients(
    error: SeatrialError, value: float
) -> None:
    found = blamed(error, np.array([[30.0, 2000.0], [30.0, value]]))
    assert isinstance(found, BadInput)
    assert found.facts == {"field": "income", "row": 1}
    assert outcome_of(found) == REJECTED
    assert "usual one lies between -5000 and 9000" in found.remedy


@pytest.mark.parametrize("value", [2000.0, 8999.0, -4999.0, 0.0])
def test_a_failure_near_the_known_rows_is_the_versions(value: float) -> None:
    assert blamed(FAILED, np.array([[30.0, value]])) is FAILED


def test_the_row_that_failed_is_the_one_that_counts() -> None:
    error = BadOutput("It returned nan.", remedy="Check.", row=0)
    assert blamed(error, np.array([[30.0, 2000.0], [30.0, 1e39]])) is error


def test_a_process_that_ended_is_the_versions_whatever_was_sent() -> None:
    error = EngineCrashed("It ended.", remedy="Test it.")
    assert blamed(error, np.array([[1e39, 2000.0]])) is error


def test_words_truths_and_missing_numbers_are_nobodys_fault() -> None:
    rows: Batch = {
        "age": np.array([np.nan]),
        "visits": np.array([2]),
        "member": np.array([True]),
        "plan": np.array(["pro"], object),
        "note": np.array(["x" * 1000], object),
    }
    assert isinstance(rows, dict)
    assert blamed(FAILED, rows, rows) is FAILED
    far = blamed(FAILED, {**rows, "visits": np.array([10**9])}, rows)
    assert far.facts["field"] == "visits"


def test_golden_rows_are_read_once_and_only_when_something_failed() -> None:
    reads: list[int] = []

    def golden() -> Batch:
        reads.append(1)
        return GOLDEN

    blame = Blame(SIGNATURE, golden)
    assert reads == []
    for _ in range(2):
        blame.of(FAILED, GOLDEN)
    assert reads == [1]


def test_without_golden_rows_every_failure_is_the_versions() -> None:
    def gone() -> Batch:
        raise BundleNotFound("There is no bundle.", remedy="Deploy it again.")

    assert Blame(SIGNATURE, gone).of(FAILED, np.array([[1e39, 1.0]])) is FAILED


def test_a_tensor_with_a_number_far_from_all_known_ones_is_the_clients() -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
        task=Task.REGRESSION,
        matrix=False,
    )
    golden: Batch = {"image": np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 2, 2)}
    blame = Blame(signature, lambda: golden)
    error = BadOutput("no number", remedy="look", output="prediction")
    assert blame.of(error, golden) is error
    rows = np.zeros((3, 2, 2), np.float32)
    rows[2, 1, 0] = 1e6
    found = blame.of(error, {"image": rows})
    assert isinstance(found, BadInput)
    assert "1e+06 in row 2" in str(found)
