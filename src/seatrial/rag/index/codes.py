"""Vectors as whole numbers of one byte, with bounds: a first look at many that misses none.

A row is its scale times its codes, less at most half a step in each coordinate. By the inequality
of Cauchy and Schwarz a product is then below a ceiling that the codes tell; where that is lower
than a product already found, the row need not be read. So few are, and what is found is what all
products would find, to the last bit.
Source: R. Weber, H.-J. Schek, S. Blott, A quantitative analysis and performance study for
similarity-search methods in high-dimensional spaces, VLDB 1998 (the VA-file).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.ranking import kth_highest

Products: TypeAlias = Callable[[NDArray[np.int8], NDArray[np.int8]], NDArray[np.float32]]
"""Products of codes (n, d), n > 0, with others (d,): (n,), rounded to float32 and not before; the
caller may write into what is given."""

_LARGEST = 127
_BLOCK = 16_384
"""Rows that are made codes of at once, so that of many vectors no copy is held."""
_LEAST_STEP = np.float32(2.0**-100)
"""Coordinates so small that dividing by their step would not be exact count as none."""

_LONGEST = 1.001
"""No vector of unit length, as `check_vectors` has it, is longer."""

_OFF = 2.0
"""Steps of a query that a product is seldom off by."""

_HALF = 0.5001
"""Half a step, and more than a division to float32 is wrong by."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Vectors, nearly: a row of `values` times its scale.

    Args:
        values: int8 (n, d), in [-127, 127].
        scales: float32 (n,), > 0: the step of a row.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Codes:
        """Of finite vectors (n, d)."""
        codes = cls(np.empty(vectors.shape, np.int8), np.empty(len(vectors), np.float32))
        for start in range(0, len(vectors), _BLOCK):
            some = vectors[start : start + _BLOCK]
            largest = np.abs(some).max(axis=1, initial=0)
            scales = np.maximum(largest / np.float32(_LARGEST), _LEAST_STEP)
            steps = some / scales[:, None]
            codes.values[start : start + _BLOCK] = np.rint(steps, out=steps)
            codes.scales[start : start + _BLOCK] = scales
        return codes

    def errors(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far each row is from the vector (n, d) that it is of (n,), or a little more."""
        errors = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            some = slice(start, start + _BLOCK)
            off = self.values[some] * self.scales[some, None]
            off -= vectors[some]
            errors[some] = np.vecdot(off, off)
        errors = np.sqrt(errors, out=errors)
        errors *= np.float32(_LONGEST)  # more than a sum in float32 is off by
        return errors

    def part(self, rows: slice) -> Codes:
        """Those of rows that lie beside each other."""
        return Codes(self.values[rows], self.scales[rows])

    def take(self, rows: NDArray[np.intp], into: Codes) -> None:
        """Copy those of some rows (n,) into others (n, d)."""
        self.values.take(rows, axis=0, out=into.values, mode="clip")  # which does not look twice
        self.scales.take(rows, out=into.scales, mode="clip")


class CodedQuery:
    """A query (d,) of unit length, to be compared with codes of vectors of unit length.

    Args: products: of codes.
    """

    def __init__(self, query: NDArray[np.float32], products: Products) -> None:
        self._products = products
        self._step = float(np.maximum.reduce(np.abs(query))) / _LARGEST
        steps = query / self._step
        whole = np.rint(steps)
        self._values = whole.astype(np.int8)
        steps -= whole
        self._lost = self._step * float(steps.dot(steps)) ** 0.5
        # q.x = q'.x' + (q - q').x' + q.(x - x'), where |x'| <= |x| + |x - x'|
        # and |x - x'| <= sqrt(d) / 2 steps of x
        self._added = (_LONGEST + self._lost) * _HALF * len(query) ** 0.5 / self._step
        # a sum of d products in float32 is off by d 2^-24 at most, in whatever order; the rest is
        # more than what is computed here is off by
        rounding = (len(query) + 16) * 2.0**-23
        self._beside = _LONGEST * self._lost + rounding

    def heights(self, codes: Codes) -> NDArray[np.float32]:
        """How high each product may be (n,), in units of their own: see `height`."""
        if not len(codes.values):
            return np.empty(0, np.float32)
        heights = self._products(codes.values, self._values)
        heights += self._added
        heights *= codes.scales
        return heights

    def bounded(
        self, codes: Codes, errors: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What codes make of each product (n,), n > 0, in units of their own, and how high it may
        be: lower than by `heights`, for it is known how far rows are from their vectors (n,)."""
        about = self._products(codes.values, self._values)
        about *= codes.scales
        heights = errors * ((_LONGEST + self._lost) / self._step)
        heights += about
        return about, heights

    def height(self, product: float) -> float:
        """Rows that are not as high have a lower product than this one, as `cosines` has it."""
        return -np.inf if product <= -1 else (product - self._beside) / self._step

    def guess(self, heights: NDArray[np.float32], scales: NDArray[np.float32], k: int) -> float:
        """A product that the best k of more rows have, most likely: it has to be looked at whether
        they do.

        What rounding puts a product off by is, with numbers of 8 bits, some forty times less than
        it may be.

        Args:
            heights: of the rows; scales: of their codes.
        """
        return self.likely(heights - scales * self._added, k)

    def likely(self, about: NDArray[np.float32], k: int) -> float:
        """The same, by what codes make of the products."""
        return min((kth_highest(about, k) - _OFF) * self._step, 1.0)
