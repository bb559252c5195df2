"""The profile of a column of vectors: made of rows, and its arrays back out of their bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.summaries.numeric import numeric_profile
from seatrial.monitoring.summaries.profile import Embedding
from seatrial.stats.domain_classifier import VIEWS, DomainReference
from seatrial.stats.vector_counts import Moments, RowSample, well_formed
from seatrial.stats.vector_reference import (
    blocks,
    counted,
    domain_reference,
    finite_rows,
    looked_at,
    whole_vectors,
)
from seatrial.stats.whole_vectors import Singles, WholeVectors

MAX_AXES = 8
"""Principal axes along which places are counted, beside the distance from the middle."""


def embedding_profile(column: NDArray[np.generic]) -> Embedding:
    """The profile of vectors, shape (n, d), d >= 1."""
    finite = finite_rows(column)
    rows = column if finite.all() else column[finite]
    used = looked_at(len(rows))
    whole = whole_vectors(rows[used], MAX_AXES)
    reference = domain_reference(whole, rows)
    moments, sample = reference.moments, reference.sample
    _, _, places, distance = counted(reference.width, blocks(whole, rows))
    others = np.ones(len(rows), np.bool_)
    others[used] = False
    n_missing = int(missing_rows(column[~finite]).sum())
    return Embedding(
        n=len(column),
        n_missing=n_missing,
        n_invalid=len(column) - len(rows) - n_missing,
        width=reference.width,
        middle=_bytes(whole.middle, "<f4"),
        unit=_bytes(whole.unit, "<f4"),
        along=_bytes(whole.axes, "<f4"),
        places=tuple(
            numeric_profile(places[others, i] if len(rows) else np.zeros(0))
            for i in range(len(whole.axes))
        ),
        distance=numeric_profile(distance[others]),
        axes=_bytes(reference.axes, "<f4"),
        variances=_bytes(reference.variances, "<f8"),
        n_half=_bytes(moments.n, "<i8"),
        sums=_bytes(moments.sums, "<i8"),
        hashes=_bytes(sample.hashes, "<u8"),
        times=_bytes(sample.counts, "<i8"),
        rows=_bytes(sample.rows, "<i2"),
    )


def missing_rows(column: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Rows in which no number is there; shape (n,) of (n, d)."""
    if column.dtype.kind != "f":
        return np.zeros(len(column), np.bool_)
    found: NDArray[np.bool_] = np.isnan(column).all(axis=1)
    return found


def whole_vectors_of(profile: Embedding) -> WholeVectors:
    """What turns vectors into whole numbers, and finds their places."""
    middle, unit = _array(profile.middle, "<f4"), _array(profile.unit, "<f4")
    along = _array(profile.along, "<f4").reshape(-1, profile.width)
    return WholeVectors(middle, unit, along)


def moments_of(profile: Embedding) -> Moments:
    """The sums of the reference."""
    sums = _array(profile.sums, "<i8").reshape(2, len(VIEWS), profile.width)
    return Moments(_array(profile.n_half, "<i8"), sums)


def sample_of(profile: Embedding) -> RowSample:
    """The kept rows of the reference."""
    rows = _array(profile.rows, "<i2").reshape(-1, profile.width)
    return RowSample(_array(profile.hashes, "<u8"), _array(profile.times, "<i8"), rows)


def reference_of(profile: Embedding) -> DomainReference:
    """What windows are compared with."""
    return DomainReference(
        moments=moments_of(profile),
        sample=sample_of(profile),
        axes=_axes(profile).astype(np.float64),
        variances=_array(profile.variances, "<f8").reshape(len(VIEWS), -1),
    )


def check_embedding(profile: Embedding) -> None:
    """Raises: ValueError: arrays that do not belong together."""
    units = _array(profile.unit, "<f4")
    n_axes = _axes(profile).shape[1]
    if (
        profile.width < 1
        or units.shape != (profile.width,)
        or len(_array(profile.middle, "<f4")) != profile.width
        or not np.all(np.isfinite(units) & (units > 0))
        or len(_array(profile.along, "<f4")) != len(profile.places) * profile.width
        or len(_array(profile.variances, "<f8")) != len(VIEWS) * (n_axes + 1)
        or not well_formed(moments_of(profile), sample_of(profile), profile.width)
    ):
        raise ValueError("its arrays do not fit each other")


def _axes(profile: Embedding) -> Singles:
    return _array(profile.axes, "<f4").reshape(len(VIEWS), -1, profile.width)


def _bytes(array: NDArray[np.generic], kind: str) -> bytes:
    return array.astype(kind).tobytes()


def _array(raw: bytes, kind: str) -> NDArray[Any]:
    return np.frombuffer(raw, kind)
