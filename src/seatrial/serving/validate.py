"""Requests against a signature: whatever form rows came in, one checked batch comes out.

A `Contract` is a signature made ready for that. Numbers that a codec has proven to be numbers take
the short way: one array, one pass for NaN and infinity. Everything else goes feature by feature
(`column.py`), which also finds the words for what is wrong.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Column, Dtype, Signature
from seatrial.serving.column import Values, check_finite, column, narrowed
from seatrial.serving.exchange import BadInput, Limits, shown

Number: TypeAlias = int | float

_CODES = {Dtype.FLOAT32: "f", Dtype.FLOAT64: "d", Dtype.INT64: "q"}
_isfinite = math.isfinite
_vdot = np.vdot


class Contract:
    """A signature, compiled for reading requests.

    Args:
        signature: what every batch must fit.
        limits: bounds on rows, and whether unknown categories pass.
    """

    __slots__ = (
        "_code",
        "_dtype",
        "_known",
        "_limits",
        "names",
        "one_tensor",
        "signature",
        "width",
    )

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self.signature = signature
        self.names = frozenset(signature.names)
        self.width = len(signature.names)
        self.one_tensor = self.width == 1 and signature.has_tensors
        self._limits = limits
        self._code = _CODES[signature.features[0].dtype] if signature.matrix else None
        self._dtype = signature.matrix_dtype if signature.matrix else None
        self._known: list[frozenset[object] | None] = [
            frozenset(f.categories)
            if f.categories is not None and not limits.unknown_categories
            else None
            for f in signature.features
        ]
        if any(known is not None for known in self._known):
            self._code = None

    def numbers(self, values: list[Number], n: int) -> Batch:
        """A batch of ``n`` rows from values in row-major order, in the signature's order.

        Args:
            values: nothing but numbers, exactly ``n * width`` of them.
        Raises: BadInput.
        """
        self.check_rows(n)
        if self._code is not None:
            try:
                flat = np.frombuffer(array(self._code, values), self._dtype)
            except (TypeError, OverflowError):
                pass  # a fraction for an integer, or an integer beyond the range: named below
            else:
                matrix = flat.reshape(n, self.width)
                # Finite squares have finite roots; where the sum overflows, each value is tested.
                # vdot is the one product of arrays that does not warn of that.
                if not _isfinite(_vdot(flat, flat)):
                    self._check_finite(matrix)
                return matrix
        return self.values(values, n)

    def values(self, values: Sequence[object], n: int) -> Batch:
        """A batch of ``n`` rows from JSON values in row-major order.

        Args:
            values: exactly ``n * width`` of them, of any type.
        Raises: BadInput.
        """
        self.check_rows(n)
        return self._assemble([values[i :: self.width] for i in range(self.width)])

    def number_rows(self, rows: list[list[Number]]) -> Batch:
        """A batch from rows that hold nothing but numbers.   Raises: BadInput."""
        if self.one_tensor:
            return self.rows(rows)
        self._check_widths(rows)
        if len(rows) == 1:
            return self.numbers(rows[0], 1)
        values: list[Number] = []
        for row in rows:
            values += row
        return self.numbers(values, len(rows))

    def rows(self, rows: Sequence[object]) -> Batch:
        """A batch from rows: each a list in the signature's order, or an object by name.

        Where the signature has one feature, a row may be its bare value; a tensor's has to be.
        Raises: BadInput.
        """
        self.check_rows(len(rows))
        if isinstance(rows[0], dict):
            return self._records(rows)
        if self.one_tensor or (self.width == 1 and not isinstance(rows[0], list)):
            return self._assemble([rows])
        self._check_widths(rows)
        return self._assemble(list(zip(*rows, strict=True)))

    def columns(self, columns: Mapping[str, Values]) -> Batch:
        """A batch from one list or array of values per feature.   Raises: BadInput."""
        if columns.keys() != self.names:
            raise self._strange(columns.keys(), "The request")
        ordered = [columns[name] for name in self.signature.names]
        n = len(ordered[0])
        for name, values in zip(self.signature.names, ordered, strict=True):
            if len(values) != n:
                raise BadInput(
                    f"Feature {shown(name)} has {len(values)} values, "
                    f"{shown(self.signature.names[0])} has {n}.",
                    remedy="Send as many values for every feature.",
                    field=name,
                )
        self.check_rows(n)
        return self._assemble(ordered)

    def matrix(self, matrix: NDArray[Any]) -> Batch:
        """A batch from an array (n, width) in the signature's order.   Raises: BadInput."""
        self.check_rows(len(matrix))
        if self._dtype is not None and self._code in ("f", "d") and matrix.dtype.kind in "fiu":
            # All at once: column by column, 30 of them cost more than the model.
            whole: NDArray[Any] = narrowed(matrix, self._dtype)
            if not _isfinite(_vdot(whole, whole)):
                self._check_finite(whole)
            return whole
        return self._assemble([matrix[:, i] for i in range(self.width)])

    def check_rows(self, n: int) -> None:
        """Refuse an empty batch and one over the limit.   Raises: BadInput."""
        if 0 < n <= self._limits.max_rows:
            return
        raise BadInput(
            "The request has no rows."
            if n == 0
            else f"The request has {n} rows, more than the {self._limits.max_rows} allowed.",
            remedy=f"Send 1 to {self._limits.max_rows} rows per request.",
        )

    def _assemble(self, ordered: Sequence[Values]) -> Batch:
        columns: dict[str, Column] = {
            feature.name: column(feature, values, known)
            for feature, values, known in zip(
                self.signature.features, ordered, self._known, strict=True
            )
        }
        if self._dtype is None:
            return columns
        return np.stack(list(columns.values()), axis=1)

    def _records(self, records: Sequence[object]) -> Batch:
        for row, record in enumerate(records):
            if not isinstance(record, dict):
                raise BadInput(
                    f"Row {row} is {shown(record)}, not an object like the first row.",
                    remedy="Send all rows in one form.",
                    row=row,
                )
            if record.keys() != self.names:
                raise self._strange(record.keys(), f"Row {row}", row=row)
        return self._assemble(
            [[record[name] for record in records] for name in self.signature.names]  # type: ignore[index]
        )

    def _check_widths(self, rows: Sequence[object]) -> None:
        for row, values in enumerate(rows):
            if not isinstance(values, list) or len(values) != self.width:
                problem = (
                    f"has {len(values)} values"
                    if isinstance(values, list)
                    else f"is {shown(values)}"
                )
                raise BadInput(
                    f"Row {row} {problem}; the model has {self.width} features.",
                    remedy=f"Send every row as a list: {self._listed()}.",
                    row=row,
                )

    def _check_finite(self, matrix: NDArray[Any]) -> None:
        if np.isfinite(matrix).all():
            return
        for i, feature in enumerate(self.signature.features):
            check_finite(feature, matrix[:, i])

    def _strange(self, given: object, where: str, **facts: object) -> BadInput:
        names = set(given)  # type: ignore[call-overload]
        missing = next((n for n in self.signature.names if n not in names), None)
        if missing is not None:
            return BadInput(
                f"{where} has no value for the feature {shown(missing)}.",
                remedy=f"Send exactly these features: {self._listed()}.",
                field=missing,
                **facts,
            )
        extra = min((n for n in names if n not in self.names), key=str)
        return BadInput(
            f"{where} has {shown(extra)}, which is not a feature of the model.",
            remedy=f"Send exactly these features: {self._listed()}.",
            field=str(extra)[:200],
            **facts,
        )

    def _listed(self) -> str:
        first = ", ".join(shown(name) for name in self.signature.names[:10])
        return f"{first}, ... ({self.width} in all)" if self.width > 10 else first
