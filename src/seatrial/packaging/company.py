"""Whether a row's answer is its own: the same rows are asked again in other company.

Requests are put together and taken apart, so a model whose answer to a row depends on the rows
beside it has no answer that could be promised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import numpy as np

from seatrial.kernel.errors import Invalid
from seatrial.packaging.parity import RowKind, Tolerance, compare
from seatrial.registry.signature import Batch, Prediction, n_rows, take
from seatrial.serving.failures import EngineFailed

Predict: TypeAlias = Callable[[Batch], Awaitable[Prediction]]

N_ROWS: Final = 4
"""Rows that are asked again: what mixes rows mixes all of them."""
_MANY: Final = 64
_FAR: Final = Tolerance(probability=0.01, spread_share=0.01)
"""Above what sums in another order lose, half precision included."""


class RowsMixed(Invalid):
    """The model's answer to a row depends on the rows beside it."""

    code = "packaging.rows_mixed"


class AnswersByChance(Invalid):
    """The model answers the same rows differently each time."""

    code = "packaging.answers_by_chance"


async def check_company(rows: Batch, predict: Predict) -> None:
    """Ask a few rows alone, and among others, and hold the answers against each other.

    Args:
        rows: that the model answers, at least one.
        predict: the model.
    Raises: RowsMixed, AnswersByChance; what ``predict`` raises but EngineFailed.
    """
    among = take(rows, slice(_MANY))
    n = n_rows(among)
    some = np.unique(np.linspace(0, n - 1, min(n, N_ROWS)).astype(np.intp))
    try:
        together = await predict(among)
        again = await predict(among)
    except EngineFailed:
        return  # it fails on these rows only now and then, which its trial has counted
    _check_repeated(together, again)
    try:
        alone = [await predict(take(among, slice(int(at), int(at) + 1))) for at in some]
    except EngineFailed as failed:
        raise _mixed(
            f"The model answers rows together and fails on one alone: {failed.problem}"
        ) from failed
    truth = {name: values[some] for name, values in together.items()}
    single = {name: np.concatenate([one[name] for one in alone]) for name in truth}
    if _differ(truth, single):
        raise _mixed(
            "The model's answer to a row depends on the rows beside it: alone it gets "
            f"{_shown(single)}, among {n} {_shown(truth)}."
        )


def _check_repeated(first: Prediction, second: Prediction) -> None:
    if _differ(first, second):
        raise AnswersByChance(
            "The model answers the same rows differently each time.",
            remedy="Turn off what chance decides when it predicts, such as dropout (PyTorch: "
            "model.eval() before it is saved), or fix the seed.",
        )


def _differ(one: Prediction, other: Prediction) -> bool:
    """Whether numbers are far apart; labels tell it only where there are no numbers."""
    numbers = [name for name, values in one.items() if values.dtype.kind == "f"]
    names = numbers or list(one)
    pair = {n: one[n] for n in names}, {n: other[n] for n in names}
    return not compare({RowKind.SAMPLE: pair}, _FAR).passed


def _shown(prediction: Prediction) -> str:
    name, values = next(iter(prediction.items()))
    return f"{name} {str(values[0].tolist())[:60]}"


def _mixed(problem: str) -> RowsMixed:
    return RowsMixed(
        problem,
        remedy="Look for what works along the rows: a softmax, mean or normalisation over axis 0, "
        "batch normalisation left in training mode, a reshape to a fixed number of rows. An ONNX "
        "graph that is meant so can be told to run its rows one by one: "
        'docs/how-to/formats.md, "Rows that move each other".',
    )
