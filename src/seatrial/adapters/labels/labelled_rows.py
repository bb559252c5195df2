"""Labelled rows as a Parquet file, in place whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def write_labelled_rows(
    path: Path, columns: Mapping[str, NDArray[np.generic]], *, label: str, labels: NDArray[Any]
) -> None:
    """Write features and, as the last column, the label.

    Args:
        path: what is there is replaced at the end.
        columns: shape (n,) or (n, d); texts as object arrays.
    Raises: OSError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: _array(column) for name, column in columns.items() if name != label}
    table = pa.table({**arrays, label: _array(labels)})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{path.name}.unfinished"
    with unfinished.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _array(column: NDArray[np.generic]) -> pa.Array:
    import pyarrow as pa

    if column.ndim == 1:
        texts = column.dtype == object
        return pa.array(column, pa.string() if texts else None, from_pandas=True)
    flat = pa.array(np.ascontiguousarray(column).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, column.shape[1])
