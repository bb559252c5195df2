"""Products of bytes by simsimd, several times faster than numpy's of float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.codes import Products


def byte_products() -> Products | None:
    """`codes.Products`; None where the extra `rag` is not installed.

    An index without them finds the same, by products of float32.
    """
    try:
        from simsimd import cdist
    except ImportError:
        return None

    def products(codes: NDArray[np.int8], query: NDArray[np.int8]) -> NDArray[np.float32]:
        # the metric's sums are of int32; only what comes out is rounded
        found = cdist(query[None], codes, metric="dot", out_dtype="float32")
        row: NDArray[np.float32] = np.asarray(found)[0]
        return row

    return products
