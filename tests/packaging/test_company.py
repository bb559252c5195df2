"""Whether a row's answer is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.packaging.company import AnswersByChance, RowsMixed, check_company
from seatrial.registry.signature import Batch, Prediction, n_rows
from seatrial.serving.failures import EngineFailed

Numbers = NDArray[np.float64]
ROWS: Numbers = np.random.default_rng(0).normal(size=(100, 3))


def asked(answer: Callable[[Numbers], Any], rows: Batch = ROWS, name: str = "y") -> list[int]:
    """How many rows each call had."""
    calls: list[int] = []

    async def predict(batch: Batch) -> Prediction:
        assert isinstance(batch, np.ndarray)
        calls.append(n_rows(batch))
        return {name: np.asarray(answer(batch.astype(np.float64)))}

    asyncio.run(check_company(rows, predict))
    return calls


def test_a_few_rows_are_asked_alone_and_among_others() -> None:
    assert asked(lambda rows: rows.sum(axis=1)) == [64, 64, 1, 1, 1, 1]
    assert asked(lambda rows: rows.sum(axis=1), ROWS[:1]) == [1, 1, 1]


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float16, np.float32]))
def test_sums_in_another_order_are_no_company(seed: int, kind: type[np.floating[Any]]) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(3, 4)).astype(kind)

    def answer(rows: Numbers) -> Any:
        noise = 1 + rng.uniform(-1, 1, (len(rows), 4)) * np.finfo(kind).eps
        return (rows.astype(kind) @ weights * noise).astype(kind)

    asked(answer)


MIXED: dict[str, Callable[[Numbers], Any]] = {
    "softmax over rows": lambda rows: np.exp(rows) / np.exp(rows).sum(axis=0),
    "centred": lambda rows: rows - rows.mean(axis=0),
    "scaled": lambda rows: rows / np.abs(rows).max(),
    "ranked": lambda rows: rows[:, 0].argsort().argsort(),
    "the first row's": lambda rows: rows[0] + np.zeros_like(rows),
    "one for all": lambda rows: np.full(len(rows), rows.mean()),
    "numbers that are none": lambda rows: rows.sum(axis=1) if len(rows) > 1 else np.full(1, np.nan),
}


@pytest.mark.parametrize("name", list(MIXED))
def test_rows_that_move_each_other_are_named_with_both_answers(name: str) -> None:
    with pytest.raises(RowsMixed, match=r"alone it gets y .*, among 64 y ") as refused:
        asked(MIXED[name])
    assert "axis 0" in refused.value.remedy


def test_labels_tell_it_where_there_is_nothing_else() -> None:
    def above(rows: Numbers) -> Any:
        return np.where(rows[:, 0] >= np.median(rows[:, 0]), "high", "low")

    with pytest.raises(RowsMixed):
        asked(above, name="label")
    asked(lambda rows: np.where(rows[:, 0] > 0, "high", "low"), name="label")


def test_a_model_that_answers_by_chance_is_told_apart() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AnswersByChance) as refused:
        asked(lambda rows: rows.sum(axis=1) * rng.integers(0, 2, len(rows)))
    assert "dropout" in refused.value.remedy


def test_a_model_that_fails_on_one_row_alone_is_named() -> None:
    def answer(rows: Numbers) -> Any:
        if len(rows) == 1:
            raise EngineFailed("expected more than 1 value", remedy="none")
        return rows.sum(axis=1)

    with pytest.raises(RowsMixed, match="fails on one alone: expected more than 1 value"):
        asked(answer)
