from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Names, Summary
from seatrial.monitoring.summaries.summary_record import (
    MAX_BYTES,
    SummaryTooLarge,
    SummaryUnreadable,
    decode,
    encode,
)


def test_what_was_encoded_is_read_back_and_equal_ones_have_equal_bytes(
    mixed: Callable[..., Table],
) -> None:
    summariser = Summariser(profile_of(mixed(500, seed=0)), segments=["town", "flag"])
    a, b = (summariser.summarise(mixed(200, seed=seed, shift=0.5)) for seed in (1, 2))
    assert decode(encode(a)) == a
    assert decode(encode(Summary())) == Summary()
    assert encode(a + b) == encode(b + a)
    assert decode(encode(a)) + b == a + b


def test_a_wide_table_with_many_names_fits_into_a_record() -> None:
    rng = np.random.default_rng(0)
    many = tuple(f"a category with a long name, number {i}" for i in range(10_000))

    def table(n: int) -> Table:
        numbers = {f"x{i}": rng.normal(size=n) for i in range(50)}
        named = {
            f"c{i}": Coded(rng.integers(0, 10_000, n).astype(np.int32), many) for i in range(4)
        }
        return Table(columns=numbers | named, n=n)

    found = Summariser(profile_of(table(2_000))).summarise(table(20_000))
    assert len(encode(found)) < MAX_BYTES / 8


def test_a_summary_over_the_bound_is_refused() -> None:
    huge = {"x" * 1_000 + str(i): 1 for i in range(5_000)}
    column = Names(counts=np.zeros(1, np.int64), n_new=5_000, newcomers=huge)
    summary = Summary(n=5_000)
    summary.features.known["c"] = column  # type: ignore[index]
    with pytest.raises(SummaryTooLarge, match="4,194,304"):
        encode(summary)


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(SummaryUnreadable):
        decode(data)


def test_a_later_schema_is_refused() -> None:
    with pytest.raises(SummaryUnreadable, match="schema 9"):
        decode(msgspec.msgpack.encode((9, {})))


def test_damaged_bytes_are_refused_or_read_as_other_counts(mixed: Callable[..., Table]) -> None:
    data = bytearray(encode(Summariser(profile_of(mixed(50, seed=0))).summarise(mixed(20, seed=1))))
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(data), 200).tolist():
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            decode(bytes(damaged))
        except SummaryUnreadable:
            refused += 1
    assert refused > 20
