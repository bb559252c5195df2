"""A model's typed inputs and outputs, and the batches that fit them.

The signature is what a bundle promises: names, dtypes, missing values, categories, order. Reading
a request against it is `serving`'s business; deriving it from a model is `packaging`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Column: TypeAlias = "NDArray[np.generic]"
"""One feature of a batch, shape (n,). Strings are object arrays of ``str`` or ``None``."""

Batch: TypeAlias = "NDArray[np.generic] | dict[str, Column]"
"""Rows to predict: a matrix (n, d) when ``signature.matrix``, else columns by feature name."""

Prediction: TypeAlias = "dict[str, NDArray[np.generic]]"
"""Outputs by name; each has n rows. ``label``/``probabilities`` or ``prediction``."""


class Dtype(StrEnum):
    """The element types a feature or an output can have."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT64 = "int64"
    BOOL = "bool"
    STRING = "string"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype of a column; object for strings."""
        import numpy as np  # noqa: PLC0415 - not before there is a batch

        return np.dtype(object) if self is Dtype.STRING else np.dtype(self.value)

    @property
    def numeric(self) -> bool:
        """Whether values are numbers (booleans are not)."""
        return self in (Dtype.FLOAT32, Dtype.FLOAT64, Dtype.INT64)


class Task(StrEnum):
    """What a model's output means."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input.

    Args:
        name: as the model knows it; unique in its signature.
        dtype: element type.
        nullable: whether a missing value (NaN, null) is a valid value.
        categories: the values known at training, or None when any value is valid.
    """

    name: str
    dtype: Dtype
    nullable: bool = False
    categories: tuple[str, ...] | tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output.

    Args:
        name: ``label``, ``probabilities``, ``prediction`` or the model's own.
        dtype: element type.
        width: None for one value a row, else values per row.
        classes: class of each column of ``probabilities``, else None.
    """

    name: str
    dtype: Dtype
    width: int | None = None
    classes: tuple[str, ...] | tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Inputs in the model's order, outputs, and the shape a batch has.

    Args:
        features: at least one; names unique.
        outputs: at least one; names unique.
        task: what the output means.
        matrix: whether a batch is one matrix (all features share one numeric dtype).
        named: whether names came from the model or the data, not made up (``x0``, ``x1``, ...).
    """

    features: tuple[Feature, ...]
    outputs: tuple[Output, ...]
    task: Task
    matrix: bool
    named: bool = True
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(f.name for f in self.features)
        object.__setattr__(self, "names", names)
        if not self.features or not self.outputs:
            raise Invalid(
                "A signature needs at least one feature and one output.",
                remedy="Pass sample data with --data so that they can be read from it.",
            )
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise Invalid(
                f"The feature {twice!r} appears twice.",
                remedy="Rename one of the columns and fit the model again.",
                field=twice,
            )
        if self.matrix and (
            len({f.dtype for f in self.features}) != 1 or not self.features[0].dtype.numeric
        ):
            raise Invalid(
                "A matrix signature needs one numeric dtype for all features.",
                remedy="Declare the features as columns instead.",
            )

    @property
    def matrix_dtype(self) -> np.dtype[np.generic]:
        """The dtype of a matrix batch; only meaningful when ``matrix``."""
        return self.features[0].dtype.numpy


def n_rows(batch: Batch) -> int:
    """The number of rows of a batch."""
    if isinstance(batch, dict):
        return len(next(iter(batch.values())))
    return len(batch)


def take(batch: Batch, rows: NDArray[np.intp] | slice) -> Batch:
    """Some rows of a batch, by index array or slice."""
    if isinstance(batch, dict):
        return {name: column[rows] for name, column in batch.items()}
    return batch[rows]


def concatenate(batches: list[Batch]) -> Batch:
    """Batches of one signature, one after the other; at least one."""
    import numpy as np  # noqa: PLC0415 - as above

    first = batches[0]
    if isinstance(first, dict):
        return {
            name: np.concatenate([b[name] for b in batches if isinstance(b, dict)])
            for name in first
        }
    return np.concatenate([b for b in batches if not isinstance(b, dict)])
