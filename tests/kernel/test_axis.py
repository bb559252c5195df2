"""Ticks are round and few, and their numbers short and told apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.axis import short, ticks

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_ticks_are_round_few_and_within_the_axis(a: float, b: float) -> None:
    low, high = sorted((a, b))
    marks = ticks(low, high)
    width = high - low
    assert len(marks) <= 14
    assert all(low - 1e-6 * width <= mark <= high + 1e-6 * width for mark in marks)
    if width > 1e-6 * max(abs(low), abs(high), 1e-300) and width > 1e-300:
        assert len(marks) >= 2


def test_ticks_of_nothing_are_none() -> None:
    assert ticks(1.0, 1.0) == []
    assert ticks(0.0, math.inf) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5, "1234"),
        (12_345.0, "12.3k"),
        (1e12, "1T"),
        (-2.5, "\N{MINUS SIGN}2.5"),
        (3e-9, "3e-9"),
        (-1e18, "\N{MINUS SIGN}1e18"),
        (0.00012, "0.00012"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_neighbouring_ticks_are_told_apart() -> None:
    for low, high in ((100_000, 100_007), (1e9, 1.2e9), (-1e-7, 3e-7), (3_116, 58_720)):
        marks = ticks(low, high)
        said = [short(mark, step=marks[1] - marks[0]) for mark in marks]
        assert len(set(said)) == len(said)
