"""The rows a model is tried with when it is packaged, and its own answers to them.

A model may fail on rows that its signature allows, such as a zero below a logarithm, or answer
them with no number. Such rows can be compared with nothing, so they are left out here; under
traffic they count against the version, unless they are far from any row it knows (`serving.reach`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.packaging.company import check_company
from seatrial.packaging.describe import Described
from seatrial.packaging.edge_rows import MAX_HALVINGS, edge_rows
from seatrial.packaging.parity import RowKind
from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.range_rows import range_rows
from seatrial.registry.signature import (
    Batch,
    Column,
    Prediction,
    Signature,
    concatenate,
    n_rows,
    take,
)
from seatrial.serving.failures import EngineFailed

Predict: TypeAlias = Callable[[Batch], Awaitable[Prediction]]
Positions: TypeAlias = NDArray[np.intp]

N_KNOWN = 10_000
N_RANDOM = 2_000
N_EDGES = 256
N_TIMED = 32
PATIENCE_S = 4.0
"""How long the model may take for the rows of one kind: a slow one is tried with fewer."""

TRIAL_BYTES = 64 << 20
"""What the rows of one kind may take: of images there are fewer than of numbers."""

MAX_CALLS = 400
"""Calls spent on finding the rows a model fails on; what is then still in doubt is left out."""

_SEED = 0


class ModelFails(Invalid):
    """The model answers none of the rows it should be able to answer."""

    code = "packaging.model_fails"


class AnswersNotFinite(ModelFails):
    """The model answers with numbers that are none: NaN or infinity."""

    code = "packaging.answers_not_finite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Rows and what the original model says to them.

    Args:
        rows: at least one.
        truth: the model's outputs for them, all numbers finite.
        kept: their positions in the batch they were taken from.
    """

    rows: Batch
    truth: Prediction
    kept: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a model is tried with.

    Args:
        by_kind: rows with the model's answers; the sample first, where there is one.
        labels: the true labels of the sample's rows, or None.
        from_sample: whether a person gave rows.
        notes: what a person should know.
    """

    by_kind: Mapping[RowKind, Answered]
    labels: Column | None
    from_sample: bool
    notes: tuple[str, ...]

    @property
    def known(self) -> Answered:
        """The sample's rows; made up ones without a sample."""
        return next(iter(self.by_kind.values()))


async def try_out(
    signature: Signature,
    described: Described,
    predict: Predict,
    *,
    monotonic: Callable[[], float],
) -> Trial:
    """Rows of the sample, rows made up, rows on both sides of the model's edges and of the range.

    Args:
        signature: of the model.
        described: with the sample's rows, if there are any.
        predict: the original model.
        monotonic: seconds that never go back.
    Raises: ModelFails: it answers no row; RowsMixed, AnswersByChance; what ``predict`` raises but
        EngineFailed.
    """
    fit = rows_within(signature, TRIAL_BYTES)
    made_up = random_rows(signature, min(N_RANDOM, fit), seed=_SEED, hints=described.hints)
    given = described.rows
    most = min(fit, await _affordable(made_up if given is None else given, predict, monotonic))
    found: dict[RowKind, Answered] = {}
    notes: list[str] = []
    labels = None
    if given is not None:
        chosen = spread(n_rows(given), min(N_KNOWN, most))
        known = await _known(take(given, chosen), predict, notes)
        found[RowKind.SAMPLE] = known
        if described.labels is not None:
            labels = described.labels[chosen][known.kept]
    random = await answered(take(made_up, slice(most)), predict)
    if random is not None:
        found[RowKind.RANDOM] = random
    if not found:
        raise ModelFails(
            "The model fails on every row that its own description allows.",
            remedy="Give rows it was made for with --data.",
        )
    await check_company(next(iter(found.values())).rows, predict)
    n_edges = max(1, min(N_EDGES, most // MAX_HALVINGS))
    edges = await _edges(signature, [a.rows for a in found.values()], predict, n_edges)
    if edges is not None:
        found[RowKind.EDGE] = edges
    ends = range_rows(signature, next(iter(found.values())).rows, most=most)
    if ends is not None and (tried := await answered(ends, predict)) is not None:
        found[RowKind.RANGE] = tried
    return Trial(by_kind=found, labels=labels, from_sample=given is not None, notes=tuple(notes))


def rows_within(signature: Signature, n_bytes: int) -> int:
    """How many rows take that many bytes, at least two."""
    return max(2, n_bytes // max(signature.row_bytes, 1))


def spread(n: int, most: int) -> Positions:
    """Up to ``most`` of ``n`` positions, evenly spread, always the same ones."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


async def answered(batch: Batch, predict: Predict) -> Answered | None:
    """The rows that a model answers, found by halving where it fails; None when there are none."""
    good: list[tuple[Positions, Prediction]] = []
    todo = [np.arange(n_rows(batch))]
    for _ in range(MAX_CALLS):
        if not todo:
            break
        piece = todo.pop()
        try:
            good.append((piece, await predict(take(batch, piece))))
        except EngineFailed:
            if len(piece) > 1:
                todo += [piece[len(piece) // 2 :], piece[: len(piece) // 2]]
    if not good:
        return None
    kept = np.concatenate([piece for piece, _ in good])
    truth = {name: np.concatenate([t[name] for _, t in good]) for name in good[0][1]}
    sound = np.flatnonzero(_sound(truth, len(kept)))
    if not len(sound):
        return None
    return Answered(
        rows=take(batch, kept[sound]),
        truth={name: values[sound] for name, values in truth.items()},
        kept=kept[sound],
    )


def _sound(truth: Prediction, n: int) -> NDArray[np.bool_]:
    """Which of ``n`` rows were answered with numbers only."""
    sound = np.ones(n, np.bool_)
    for values in truth.values():
        if values.dtype.kind == "f":
            sound &= np.isfinite(values).reshape(n, -1).all(axis=1)
    return sound


async def _affordable(batch: Batch, predict: Predict, monotonic: Callable[[], float]) -> int:
    """How many rows the model predicts in a few seconds."""
    few = take(batch, slice(N_TIMED))
    begun = monotonic()
    with suppress(EngineFailed):
        await predict(few)
    row_s = (monotonic() - begun) / n_rows(few)
    return max(N_TIMED, int(PATIENCE_S / max(row_s, 1e-9)))


async def _known(given: Batch, predict: Predict, notes: list[str]) -> Answered:
    known = await answered(given, predict)
    if known is None:
        raise await _failure(given, predict)
    lost = n_rows(given) - len(known.kept)
    if lost:
        notes.append(f"The model fails on {lost} of {n_rows(given)} sample rows; left out.")
    return known


async def _failure(given: Batch, predict: Predict) -> ModelFails:
    with suppress(EngineFailed):
        await predict(take(given, slice(1)))
        return AnswersNotFinite(
            "The model answers the rows of the sample with NaN or infinity.",
            remedy="Look at its weights, and at the data it was trained on; train it again.",
        )
    return ModelFails(
        "The model fails on every row of the sample.",
        remedy="Check that the sample holds the columns the model was trained on, unscaled.",
    )


async def _edges(
    signature: Signature, batches: list[Batch], predict: Predict, n: int
) -> Answered | None:
    try:
        edges = await edge_rows(signature, concatenate(batches), predict, n=n, seed=_SEED)
    except EngineFailed:  # between two rows it answers lies one it does not
        return None
    return None if edges is None else await answered(edges, predict)
