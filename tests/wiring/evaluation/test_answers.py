"""What live versions answer to many rows: rows to blame are found, whatever else fails is told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.failures import EngineCrashed, EngineFailed
from seatrial.testing.models import FakeEngine, column_signature, live_version, matrix_signature
from seatrial.wiring.evaluation.answers import Asked, answers_of, times_in_turns


class Picky(FakeEngine):
    """Fails on negative rows, and answers rows above 100 with NaN."""

    def predict(self, batch):
        self.batches.append(batch)
        if (batch[:, 0] < 0).any():
            raise EngineFailed("log of a negative number", remedy="Send others.")
        answer = super().predict(batch)
        answer["probabilities"][batch[:, 0] > 100] = np.nan
        return answer


def asked(values, *, engine=None, signature=None, accepted=None):
    signature = signature or matrix_signature()
    rows = np.zeros((len(values), 3), np.float32)
    rows[:, 0] = values
    return Asked(
        live=live_version(signature, engine=engine or FakeEngine(signature)),
        batch=rows,
        accepted=np.ones(len(values), bool) if accepted is None else np.asarray(accepted),
    )


def answers(one, told):
    async def run():
        try:
            return await answers_of(one, told)
        finally:
            await one.live.close()

    return asyncio.run(run())


def test_rows_that_fail_or_are_no_numbers_are_found_by_halving():
    values = np.zeros(2_500)
    values[[7, 1_300, 2_499]] = -1
    values[42] = 200
    found = answers(asked(values, engine=Picky(matrix_signature())), lambda done, n: None)
    assert np.flatnonzero(~found.answered).tolist() == [7, 42, 1_300, 2_499]
    assert found.why_not
    assert found.classes == ("0", "1")
    assert found.probabilities.shape == (2_500, 2)


def test_a_version_that_answers_nothing_ends_in_bounded_time(monkeypatch):
    monkeypatch.setattr("seatrial.wiring.evaluation.answers.MAX_CALLS", 50)
    engine = Picky(matrix_signature())
    found = answers(asked(np.full(3_000, -1.0), engine=engine), lambda done, n: None)
    assert not found.answered.any()
    assert found.why_not.endswith("log of a negative number")
    assert len(engine.batches) <= 53


def test_rows_that_the_signature_refuses_are_not_asked():
    engine = FakeEngine(matrix_signature())
    found = answers(
        asked([1, 2, 3], engine=engine, accepted=[True, False, True]), lambda done, n: None
    )
    assert found.answered.tolist() == [True, False, True]
    assert len(engine.batches[0]) == 2
    assert found.why_not == "Its signature does not take the row."


def test_progress_ends_with_all_rows():
    told = []
    answers(asked(np.zeros(2_100)), lambda done, n: told.append((done, n)))
    assert told[-1] == (2_100, 2_100)


def test_an_engine_that_dies_is_not_a_matter_of_rows():
    class Dies(FakeEngine):
        def predict(self, batch):
            raise EngineCrashed("ended by SIGSEGV", remedy="Test it.")

    with pytest.raises(EngineCrashed):
        answers(asked([1.0], engine=Dies(matrix_signature())), lambda done, n: None)


def test_a_regressors_numbers_are_its_predictions():
    signature = column_signature()
    batch = {
        "age": np.zeros(2),
        "visits": np.zeros(2, np.int64),
        "member": np.zeros(2, bool),
        "plan": np.array(["basic", "pro"], object),
        "note": np.array([None, "x"], object),
    }
    one = Asked(live=live_version(signature), batch=batch, accepted=np.ones(2, bool))
    found = answers(one, lambda done, n: None)
    assert found.task is Task.REGRESSION
    assert found.predicted.tolist() == [0.5, 0.5]
    assert found.classes is None


def test_several_numbers_a_row_are_of_another_kind():
    signature = Signature(
        features=(Feature(name="age", dtype=Dtype.FLOAT32),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64, width=3),),
        task=Task.REGRESSION,
        matrix=True,
    )
    one = asked([1.0], signature=signature)
    assert answers(one, lambda done, n: None).task is Task.OTHER


def test_times_are_of_single_rows_and_of_batches(monkeypatch):
    monkeypatch.setattr("seatrial.wiring.evaluation.answers._ONE_S", 0.02)
    monkeypatch.setattr("seatrial.wiring.evaluation.answers._MANY_S", 0.02)
    made = {"new": asked(np.zeros(50)), "baseline": asked(np.zeros(50))}

    async def run():
        return await times_in_turns(made, np.arange(50) < 30)

    found = asyncio.run(run())
    one, many = found["new"]
    assert (one.n_rows, many.n_rows) == (1, 30)
    assert one.p50_s > 0
