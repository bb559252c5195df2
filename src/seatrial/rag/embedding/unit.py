"""Vectors that others made, checked and brought to unit length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid


class VectorsUnfit(Invalid):
    """An embedder gave vectors that cannot be used."""

    code = "rag.vectors_unfit"


def unit_vectors(
    found: Sequence[Sequence[float]], n: int, width: int | None, *, by: str, remedy: str
) -> NDArray[np.float32]:
    """Vectors (n, dimensions) of unit length.

    Args:
        found: as they were given.
        n: texts that they are of, >= 1.
        width: their dimensions; None for any that they share.
        by: who gave them, for errors; remedy: what to do then.
    Raises: VectorsUnfit.
    """

    def unfit(what: str) -> VectorsUnfit:
        return VectorsUnfit(f"The model {by!r} gave {what}.", remedy=remedy, model=by)

    if len(found) != n:
        raise unfit(f"{len(found)} vectors for {n} texts")
    lengths = {len(vector) for vector in found}
    if len(lengths) != 1 or not (wanted := width or max(lengths)) or lengths != {wanted}:
        raise unfit(f"vectors of {sorted(lengths)} dimensions, not {width or 'of one'}")
    vectors = np.array(found, np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not (norms > 0).all():
        raise unfit("a vector without a direction")
    unit: NDArray[np.float32] = vectors / norms
    return unit
