"""Vectors of unit length that are hard to tell apart, or hard to write in one byte a number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def products(codes: NDArray[np.int8], query: NDArray[np.int8]) -> NDArray[np.float32]:
    """`codes.Products` by numpy, exact before rounding."""
    return (codes.astype(np.int64) @ query.astype(np.int64)).astype(np.float32)


def unit(rows: NDArray[np.floating]) -> Vectors:
    wide = rows.astype(np.float64)
    return (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)


def by_chance(random: np.random.Generator, n: int, d: int) -> Vectors:
    return unit(random.standard_normal((n, d)))


def around_few(random: np.random.Generator, n: int, d: int) -> Vectors:
    centres = random.standard_normal((3, d))
    spread = 10.0 ** random.uniform(-8, 0)
    return unit(centres[random.integers(0, 3, n)] + spread * random.standard_normal((n, d)))


def equal(random: np.random.Generator, n: int, d: int) -> Vectors:
    few = by_chance(random, 2, d)
    return np.ascontiguousarray(few[random.integers(0, 2, n)])


def of_last_bits(random: np.random.Generator, n: int, d: int) -> Vectors:
    """One vector, each number of it off by a few of its last bits."""
    bits = np.repeat(by_chance(random, 1, d), n, axis=0).view(np.int32)
    return (bits + random.integers(-2, 3, bits.shape, np.int32)).view(np.float32)


def of_one_number(random: np.random.Generator, n: int, d: int) -> Vectors:
    rows = np.zeros((n, d))
    rows[np.arange(n), random.integers(0, d, n)] = random.choice([-1.0, 1.0], n)
    return unit(rows)


def of_all_sizes(random: np.random.Generator, n: int, d: int) -> Vectors:
    """Numbers from the largest to those that float32 has few bits for, or none."""
    rows = random.choice([-1.0, 0.0, 1.0], (n, d)) * 10.0 ** random.uniform(-46, 0, (n, d))
    rows[:, 0] = random.choice([-1.0, 1.0], n)
    return unit(rows)


def of_two_values(random: np.random.Generator, n: int, d: int) -> Vectors:
    return unit(random.choice([-1.0, 1.0], (n, d)))


def of_half_steps(random: np.random.Generator, n: int, d: int) -> Vectors:
    """Numbers that lie between two codes, as far from both as can be."""
    rows = random.integers(-127, 127, (n, d)) + 0.5
    rows[:, 0] = 127
    return unit(rows)


def nearly_unit(random: np.random.Generator, n: int, d: int) -> Vectors:
    """Of all lengths that an index takes for 1."""
    lengths = random.uniform(1 - 4.9e-4, 1 + 4.9e-4, (n, 1))
    return (by_chance(random, n, d) * lengths).astype(np.float32)


KINDS: list[Callable[[np.random.Generator, int, int], Vectors]] = [
    *(by_chance, around_few, equal, of_last_bits, of_one_number, of_all_sizes),
    *(of_two_values, of_half_steps, nearly_unit),
]
