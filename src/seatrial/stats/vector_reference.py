"""The reference of vectors: units to measure them in, their sums, a sample, and principal axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.domain_classifier import VIEWS, DomainReference
from seatrial.stats.vector_counts import Moments, RowSample
from seatrial.stats.whole_vectors import BLOCK, STEP, Floats, Singles, WholeBlock, WholeVectors

MOST_AXES = 64
"""Principal axes kept of each view; 384 numbers a vector take 100 KB then."""

_LOOKED_AT = 4_096
_TAIL_SHARE = 0.01
_ROUNDS = 4
_MORE = 16


def finite_rows(vectors: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Rows of which every number is finite as float32; shape (n,) of (n, d)."""
    found = np.empty(len(vectors), np.bool_)
    with np.errstate(over="ignore"):
        for start in range(0, len(vectors), BLOCK):
            part = vectors[start : start + BLOCK].astype(np.float32, copy=False)
            found[start : start + BLOCK] = np.isfinite(part).all(axis=1)
    return found


def looked_at(n: int) -> NDArray[np.intp]:
    """Which of n rows units and places are made from: at most half of them and 4,096, evenly.

    The others show how rows lie that had no part in it, as rows to come will.
    """
    return np.unique(np.linspace(0, n - 1, min(n // 2, _LOOKED_AT)).astype(np.intp))


def units_of(rows: NDArray[np.generic]) -> tuple[Singles, Singles]:
    """The middle and the unit of each coordinate: mean and standard deviation without the tails.

    The outermost hundredth at each end is pulled in. A coordinate that never varies is measured in
    the unit of the others.

    Args: finite, shape (n, d).
    Returns: shape (d,) each, the unit > 0.
    """
    n, d = rows.shape
    if not n:
        return np.zeros(d, np.float32), np.ones(d, np.float32)
    rows = rows.astype(np.float64)
    tail = int(n * _TAIL_SHARE)
    ordered = np.partition(rows, (tail, n - 1 - tail), axis=0)
    pulled = np.clip(rows, ordered[tail], ordered[n - 1 - tail])
    middle, unit = pulled.mean(axis=0), pulled.std(axis=0)
    unit = np.where(unit > 0, unit, rows.std(axis=0))
    others = float(np.sqrt((unit**2).mean())) or 1.0
    unit = np.where(unit > 1e-6 * np.abs(middle), unit, others)
    return middle.astype(np.float32), np.maximum(unit, 1e-30).astype(np.float32)


def blocks(whole: WholeVectors, vectors: NDArray[np.generic]) -> Iterator[WholeBlock]:
    """Finite rows, shape (n, d), in whole numbers, some at a time."""
    for start in range(0, len(vectors), BLOCK):
        yield whole.block(vectors[start : start + BLOCK])


def counted(width: int, found: Iterator[WholeBlock]) -> tuple[Moments, RowSample, Floats, Floats]:
    """The sums and the sample of some rows, and their places and distances.

    Returns: ``places`` of shape (n, a), ``distance`` of shape (n,), in the order of the rows.
    """
    moments, sample = Moments.none(width), RowSample.none(width)
    places: list[Floats] = [np.zeros((0, 0))]
    distance: list[Floats] = [np.zeros(0)]
    waiting: list[RowSample] = []
    n_waiting = 0
    for block in found:
        moments += Moments.of(block)
        below = int(sample.hashes[-1]) if sample.full else None
        waiting.append(RowSample.of(block, below=below))
        n_waiting += len(waiting[-1].hashes)
        if n_waiting > _LOOKED_AT or not sample.full:
            sample, waiting, n_waiting = RowSample.union([sample, *waiting]), [], 0
        places.append(block.places)
        distance.append(block.distance)
    if waiting:
        sample = RowSample.union([sample, *waiting])
    return (
        moments,
        sample,
        np.concatenate(places[1:]) if len(places) > 1 else places[0],
        np.concatenate(distance),
    )


def principal_axes(found: Iterator[WholeBlock], width: int, most: int) -> tuple[Floats, Floats]:
    """Principal axes of each view, and the variances along them.

    Returns: as in `DomainReference`, at most ``most`` axes; of few rows, fewer.
    Source: subspace iteration, Halko, Martinsson, Tropp 2011, SIAM Review 53:217, algorithm 4.4.
    """
    products = np.zeros((len(VIEWS), width, width))
    sums, n = np.zeros((len(VIEWS), width)), 0
    for block in found:
        n += len(block.hashes)
        for i, view in enumerate((block.level, block.spread)):
            units = view / np.float32(STEP)
            products[i] += units.T @ units
            sums[i] += units.sum(axis=0, dtype=np.float64)
    count = max(0, min(most, width, n - 1))
    axes, variances = np.zeros((len(VIEWS), count, width)), np.zeros((len(VIEWS), count + 1))
    for i, product in enumerate(products):
        mean = sums[i] / max(n, 1)
        covariance = product / max(n, 1) - np.outer(mean, mean)
        axes[i], variances[i, :-1] = _leading(covariance, count)
        variances[i, -1] = max(float(np.trace(covariance)), 0.0)
    # float32 keeps records short; axes need not be exact, only the same for all windows.
    return axes.astype(np.float32).astype(np.float64), variances


def whole_vectors(rows: NDArray[np.generic], n_axes: int) -> WholeVectors:
    """What turns vectors into whole numbers, made from some finite rows, shape (n, d)."""
    width = rows.shape[1]
    plain = WholeVectors(*units_of(rows), np.zeros((0, width), np.float32))
    axes, _ = principal_axes(blocks(plain, rows), width, n_axes)
    return WholeVectors(plain.middle, plain.unit, axes[0].astype(np.float32))


def domain_reference(whole: WholeVectors, vectors: NDArray[np.generic]) -> DomainReference:
    """What windows are compared with, of finite rows, shape (n, d)."""
    width = vectors.shape[1]
    axes, variances = principal_axes(blocks(whole, vectors), width, MOST_AXES)
    moments, sample, _, _ = counted(width, blocks(whole, vectors))
    return DomainReference(moments=moments, sample=sample, axes=axes, variances=variances)


def _leading(covariance: Floats, count: int) -> tuple[Floats, Floats]:
    """The first principal axes as rows, each with its largest number positive; their variances."""
    width = len(covariance)
    if width <= 2 * (count + _MORE):
        values, vectors = np.linalg.eigh(covariance)
        axes, values = vectors.T[::-1][:count], values[::-1][:count]
    else:
        basis = np.random.default_rng(width).standard_normal((width, count + _MORE))
        for _ in range(_ROUNDS):
            basis, _ = np.linalg.qr(covariance @ basis)
        values, turned = np.linalg.eigh(basis.T @ covariance @ basis)
        axes, values = (basis @ turned).T[::-1][:count], values[::-1][:count]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return axes * signs[:, None], np.maximum(values, 0.0)
