"""A model's typed inputs and outputs, and the batches that fit them.

The signature is what a bundle promises: names, dtypes, missing values, categories, order. Reading
a request against it is `serving`'s business; deriving it from a model is `packaging`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Final, TypeAlias

from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Column: TypeAlias = "NDArray[np.generic]"
"""One feature of a batch, shape (n,), or (n, *shape) where the feature is a tensor. Strings are
object arrays of ``str`` or ``None``."""

Batch: TypeAlias = "NDArray[np.generic] | dict[str, Column]"
"""Rows to predict: a matrix (n, d) when ``signature.matrix``, else columns by feature name."""

Prediction: TypeAlias = "dict[str, NDArray[np.generic]]"
"""Outputs by name; each has n rows. ``label``/``probabilities`` or ``prediction``."""


MAX_RANK = 7
"""Sizes the value of one row may have."""


class Dtype(StrEnum):
    """The element types a feature or an output can have."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT64 = "int64"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT16 = "int16"
    UINT8 = "uint8"
    UINT16 = "uint16"
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
        return self.whole or self.floating

    @property
    def floating(self) -> bool:
        """Whether values are numbers with a fraction."""
        return self in (Dtype.FLOAT16, Dtype.FLOAT32, Dtype.FLOAT64)

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return self in WHOLE

    @property
    def narrow(self) -> bool:
        """Whether it saves memory only: of inputs that are tensors, such as the pixels of images.

        Of one value a row the few bytes are not worth a second spelling of the same number.
        """
        return self is Dtype.FLOAT16 or (self.whole and self is not Dtype.INT64)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the largest number; of those that are `whole`."""
        return WHOLE[self]


WHOLE: Final[Mapping[Dtype, tuple[int, int]]] = {
    Dtype.INT8: (-(2**7), 2**7 - 1),
    Dtype.INT16: (-(2**15), 2**15 - 1),
    Dtype.INT64: (-(2**63), 2**63 - 1),
    Dtype.UINT8: (0, 2**8 - 1),
    Dtype.UINT16: (0, 2**16 - 1),
}
"""The types of whole numbers, each with its least and its largest."""


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
        shape: of one row's value; empty for one value a row, (3, 32, 32) for an image, say. Every
            size is fixed: only the number of rows is free. A tensor is neither nullable nor has it
            categories.
    """

    name: str
    dtype: Dtype
    nullable: bool = False
    categories: tuple[str, ...] | tuple[int, ...] | None = None
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Values in one row."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output.

    Args:
        name: ``label``, ``probabilities``, ``prediction`` or the model's own.
        dtype: element type.
        width: None for one value a row, else values per row.
        classes: class of each column of ``probabilities``, else None.
        shape: how the ``width`` values of a row are arranged where that is no plain list.
    """

    name: str
    dtype: Dtype
    width: int | None = None
    classes: tuple[str, ...] | tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one row's answer; empty for one value."""
        if self.shape is not None:
            return self.shape
        return () if self.width is None else (self.width,)


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
            len({f.dtype for f in self.features}) != 1
            or not self.features[0].dtype.numeric
            or self.has_tensors
        ):
            raise Invalid(
                "A matrix signature needs one numeric dtype for all features, one value each.",
                remedy="Declare the features as columns instead.",
            )
        for feature in self.features:
            _check_shape(feature)
        for output in self.outputs:
            _check_shape(output)

    @property
    def has_tensors(self) -> bool:
        """Whether a feature has more than one value a row."""
        return any(f.shape for f in self.features)

    @property
    def row_bytes(self) -> int:
        """About how many bytes the features of one row take."""
        return sum(f.size * f.dtype.numpy.itemsize for f in self.features)

    @property
    def matrix_dtype(self) -> np.dtype[np.generic]:
        """The dtype of a matrix batch; only meaningful when ``matrix``."""
        return self.features[0].dtype.numpy


def _check_shape(tensor: Feature | Output) -> None:
    shape = tensor.shape or ()
    wrong = any(size < 1 for size in shape) or len(shape) > MAX_RANK
    if isinstance(tensor, Feature):
        wrong = wrong or bool(shape and (tensor.nullable or tensor.categories is not None))
        wrong = wrong or (tensor.dtype.narrow and not shape)
    else:
        wrong = wrong or bool(shape and prod(shape) != tensor.width)
    if wrong:
        raise Invalid(
            f"{tensor.name!r} cannot have the shape {list(shape)}.",
            remedy=f"Give 1 to {MAX_RANK} sizes of at least 1, without missing values or "
            "categories.",
            field=tensor.name,
        )


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
