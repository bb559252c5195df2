"""Which rows a model is tried with, when it fails on some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from seatrial.packaging.describe import Described
from seatrial.packaging.model_facts import InputFact, Kind
from seatrial.packaging.parity import RowKind
from seatrial.packaging.trial import (
    MAX_CALLS,
    N_TIMED,
    ModelFails,
    answered,
    spread,
    try_out,
)
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Feature,
    Output,
    Prediction,
    Signature,
    Task,
    n_rows,
)
from seatrial.serving.failures import EngineFailed

SIGNATURE = Signature(
    features=(Feature(name="x", dtype=Dtype.FLOAT64), Feature(name="y", dtype=Dtype.FLOAT64)),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=True,
)


class Model:
    """Answers x; fails on a batch with a row for which ``bad`` holds."""

    def __init__(self, bad: Callable[[Batch], object] = lambda _: False) -> None:
        self.bad = bad
        self.calls: list[int] = []

    async def __call__(self, batch: Batch) -> Prediction:
        assert isinstance(batch, np.ndarray)
        self.calls.append(n_rows(batch))
        if np.any(self.bad(batch)):
            raise EngineFailed("it fails", remedy="try others")
        return {"prediction": batch[:, 0].astype(np.float64)}


def described(rows: Batch | None, labels: object = None) -> Described:
    return Described(
        features=SIGNATURE.features,
        matrix=True,
        named=True,
        hints=(InputFact(name="x", kind=Kind.NUMBER), InputFact(name="y", kind=Kind.NUMBER)),
        rows=rows,
        labels=labels,  # type: ignore[arg-type]
        notes=(),
    )


def clock(step: float = 0.0) -> Callable[[], float]:
    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += step

    return ticks().__next__


ROWS = np.arange(200, dtype=np.float64).reshape(100, 2)


async def test_rows_the_model_fails_on_are_found_one_by_one() -> None:
    model = Model(lambda batch: np.isin(batch[:, 0], [6, 100, 102]))
    found = await answered(ROWS, model)
    assert found is not None
    assert sorted(set(range(100)) - set(found.kept.tolist())) == [3, 50, 51]
    assert np.array_equal(found.rows, ROWS[found.kept])
    assert np.array_equal(found.truth["prediction"], ROWS[found.kept, 0])


async def test_rows_without_a_number_for_an_answer_are_left_out() -> None:
    rows = ROWS.copy()
    rows[[1, 7], 0] = np.nan, np.inf
    found = await answered(rows, Model())
    assert found is not None
    assert len(found.kept) == 98
    assert np.isfinite(found.truth["prediction"]).all()


async def test_a_model_that_always_fails_is_given_up() -> None:
    model = Model(lambda _: True)
    assert await answered(np.zeros((10_000, 2)), model) is None
    assert len(model.calls) <= MAX_CALLS


async def test_the_sample_comes_first_and_keeps_its_labels() -> None:
    labels = np.arange(100)
    trial = await try_out(
        SIGNATURE,
        described(ROWS, labels),
        Model(lambda batch: batch[:, 0] == 6),
        monotonic=clock(),
    )
    assert trial.known is trial.by_kind[RowKind.SAMPLE]
    assert trial.from_sample
    assert trial.labels is not None
    assert trial.labels.tolist() == [n for n in range(100) if n != 3]
    assert trial.notes == ("The model fails on 1 of 100 sample rows; left out.",)
    assert n_rows(trial.by_kind[RowKind.RANDOM].rows) > 1000
    assert RowKind.EDGE in trial.by_kind


async def test_without_a_sample_made_up_rows_are_all_that_is_known() -> None:
    trial = await try_out(SIGNATURE, described(None), Model(), monotonic=clock())
    assert not trial.from_sample
    assert trial.known is trial.by_kind[RowKind.RANDOM]
    assert trial.labels is None


async def test_a_slow_model_is_tried_with_few_rows() -> None:
    model = Model()
    trial = await try_out(SIGNATURE, described(ROWS), model, monotonic=clock(step=60.0))
    assert max(model.calls) == N_TIMED
    assert n_rows(trial.known.rows) == N_TIMED


async def test_a_model_that_fails_on_the_whole_sample_is_refused() -> None:
    with pytest.raises(ModelFails, match="every row of the sample"):
        await try_out(SIGNATURE, described(ROWS), Model(lambda _: True), monotonic=clock())


async def test_a_model_that_fails_on_everything_made_up_asks_for_data() -> None:
    with pytest.raises(ModelFails, match="its own description") as refused:
        await try_out(SIGNATURE, described(None), Model(lambda _: True), monotonic=clock())
    assert "--data" in refused.value.remedy


async def test_a_failure_between_two_good_rows_costs_the_edges_only() -> None:
    model = Model(lambda batch: (batch[:, 0] != np.round(batch[:, 0])) & (len(batch) > 300))
    trial = await try_out(SIGNATURE, described(ROWS), model, monotonic=clock())
    assert RowKind.SAMPLE in trial.by_kind


@pytest.mark.parametrize(
    ("n", "most", "expected"), [(3, 5, [0, 1, 2]), (10, 3, [0, 4, 9]), (1, 1, [0])]
)
def test_spread(n: int, most: int, expected: list[int]) -> None:
    assert spread(n, most).tolist() == expected


def test_numbers_that_float32_cannot_hold_are_tried_too() -> None:
    trial = asyncio.run(try_out(SIGNATURE, described(ROWS), Model(), monotonic=clock()))
    rows = trial.by_kind[RowKind.RANGE].rows
    assert isinstance(rows, np.ndarray)
    assert 1e39 in rows


def test_those_the_model_itself_fails_on_are_left_out() -> None:
    model = Model(lambda batch: abs(batch) > 3e38)
    trial = asyncio.run(try_out(SIGNATURE, described(ROWS), model, monotonic=clock()))
    assert 0 < np.abs(trial.by_kind[RowKind.RANGE].rows).max() <= 3e38  # type: ignore[arg-type]
    assert len(model.calls) < MAX_CALLS
