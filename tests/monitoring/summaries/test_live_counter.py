from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seatrial.monitoring.rows.table import Table, rows_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.live_counter import LiveCounter
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Summary


def test_batches_give_the_summary_of_all_their_rows(mixed: Callable[..., Table]) -> None:
    answers = Table(columns={"prediction": np.random.default_rng(0).normal(size=900)}, n=900)
    profile = profile_of(mixed(900, seed=0), predictions=answers)
    live, window = LiveCounter(profile), mixed(900, seed=1, shift=0.5)
    for start in (0, 64, 65, 400):
        rows = slice(start, {0: 64, 64: 65, 65: 400, 400: 900}[start])
        live.add(rows_of(window, rows), rows_of(answers, rows))
    assert live.take() == Summariser(profile, repeats=False).summarise(window, answers)
    assert live.take() == Summary()


def test_a_batch_without_a_column_or_with_another_kind_counts_too(
    mixed: Callable[..., Table],
) -> None:
    profile = profile_of(mixed(300, seed=0))
    window = mixed(50, seed=1)
    less = Table(columns={k: v for k, v in window.columns.items() if k != "number"}, n=50)
    other = Table(columns=dict(window.columns) | {"number": window.columns["town"]}, n=50)
    live, summariser = LiveCounter(profile), Summariser(profile, repeats=False)
    for table in (window, less, other):
        live.add(table)
    expected = sum((summariser.summarise(t) for t in (window, less, other)), Summary())
    assert live.take() == expected
    assert expected.features.absent == {"number": 50}


def test_batches_of_numbers_alone_and_with_more_give_one_summary() -> None:
    rng = np.random.default_rng(0)
    numbers = Table(columns={"a": rng.normal(size=300), "b": rng.normal(size=300)}, n=300)
    profile = profile_of(numbers)
    at = np.full(300, np.datetime64("2026-01-01", "us"))
    at[:10] = np.datetime64("NaT")
    timed = Table(columns=numbers.columns, n=300, at=at)
    more = Table(columns={**numbers.columns, "odd": np.zeros(300)}, n=300)
    live, summariser = LiveCounter(profile), Summariser(profile, repeats=False)
    for table in (numbers, timed, more, rows_of(numbers, slice(0, 0))):
        live.add(table)
    expected = sum((summariser.summarise(t) for t in (numbers, timed, more)), Summary())
    assert live.take() == expected
    assert (expected.n, expected.n_untimed) == (900, 10)
