"""The rows a model is tried with when it is packaged, and its own answers to them.

A model may fail on rows that its signature allows, such as a zero below a logarithm. Such rows can
be compared with nothing, so they are left out here; under traffic they count against the version.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.packaging.describe import Described
from seatrial.packaging.edge_rows import MAX_HALVINGS, edge_rows
from seatrial.packaging.parity import RowKind
from seatrial.packaging.random_rows import random_rows
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

N_RANDOM = 2_000
N_EDGES = 256
MAX_CALLS = 400
"""Calls spent on finding the rows a model fails on; what is then still in doubt is left out."""

PATIENCE_S = 4.0
"""How long the original model may take for the rows of one kind; a slow one is tried with fewer."""

_N_PACE = 32
_SEED = 0


class ModelFails(Invalid):
    """The model answers none of the rows it should be able to answer."""

    code = "packaging.model_fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Rows and what the original model says to them.

    Args:
        rows: at least one.
        truth: the model's outputs for them.
        kept: their positions in the batch they were taken from.
    """

    rows: Batch
    truth: Prediction
    kept: NDArray[np.intp]


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


async def try_out(signature: Signature, described: Described, predict: Predict) -> Trial:
    """Rows of the sample, rows made up, and rows on both sides of the model's edges.

    Args:
        predict: the original model.
    Raises: ModelFails: it answers no row; what ``predict`` raises but EngineFailed.
    """
    made_up = random_rows(signature, N_RANDOM, seed=_SEED, hints=described.hints)
    given = described.rows
    pace_s = await _seconds_per_row(given if given is not None else made_up, predict)
    most = max(_N_PACE, int(PATIENCE_S / pace_s))
    made_up = take(made_up, slice(most))
    found: dict[RowKind, Answered] = {}
    notes: list[str] = []
    labels = described.labels
    if given is not None and n_rows(given) > most:
        chosen = evenly(n_rows(given), most)
        given, labels = take(given, chosen), None if labels is None else labels[chosen]
    if given is not None:
        known = await _known(given, predict, notes)
        found[RowKind.SAMPLE] = known
        labels = None if labels is None else labels[known.kept]
    random = await answered(made_up, predict)
    if random is not None:
        found[RowKind.RANDOM] = random
    if not found:
        raise ModelFails(
            "The model fails on every row that its own description allows.",
            remedy="Give rows it was made for with --data.",
        )
    n_edges = max(1, min(N_EDGES, int(PATIENCE_S / (MAX_HALVINGS * pace_s))))
    edges = await _edges(signature, [a.rows for a in found.values()], predict, n=n_edges)
    if edges is not None:
        found[RowKind.EDGE] = edges
    return Trial(by_kind=found, labels=labels, from_sample=given is not None, notes=tuple(notes))


async def answered(batch: Batch, predict: Predict) -> Answered | None:
    """The rows that a model answers, found by halving where it fails; None when there are none."""
    good: list[tuple[NDArray[np.intp], Prediction]] = []
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
    return Answered(rows=take(batch, kept), truth=truth, kept=kept)


async def _seconds_per_row(batch: Batch, predict: Predict) -> float:
    """What a row costs the original model; a guess on the short side where it fails on some."""
    rows = take(batch, slice(_N_PACE))
    begun = time.monotonic()
    await answered(rows, predict)
    return max((time.monotonic() - begun) / n_rows(rows), 1e-9)


def evenly(n: int, most: int) -> NDArray[np.intp]:
    """Up to ``most`` of ``n`` positions, evenly spread, always the same ones."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


async def _known(given: Batch, predict: Predict, notes: list[str]) -> Answered:
    known = await answered(given, predict)
    if known is None:
        raise ModelFails(
            "The model fails on every row of the sample.",
            remedy="Check that the sample holds the columns the model was trained on, unscaled.",
        )
    lost = n_rows(given) - len(known.kept)
    if lost:
        notes.append(f"The model fails on {lost} of {n_rows(given)} sample rows; left out.")
    return known


async def _edges(
    signature: Signature, batches: list[Batch], predict: Predict, *, n: int
) -> Answered | None:
    try:
        edges = await edge_rows(signature, concatenate(batches), predict, n=n, seed=_SEED)
    except EngineFailed:  # between two rows it answers lies one it does not
        return None
    return None if edges is None else await answered(edges, predict)
