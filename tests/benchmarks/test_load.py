"""Reading what wrk printed."""

from __future__ import annotations

import pytest

from benchmarks.serving.load import LoadFailed, parse

PRINTED = """Running 5s test @ http://127.0.0.1:8000
  Requests/sec:   2000.00
FIGURES {"requests": 10000, "duration_us": 5000000, "p50_us": 400, "p95_us": 950, "p99_us": 1480, \
"connect": 0, "read": 1, "write": 0, "timeout": 2, "status": 0}
"""


def test_reads_rate_and_quantiles_in_milliseconds() -> None:
    figures = parse(PRINTED)
    assert figures.rate == 2000
    assert (figures.p50_ms, figures.p95_ms, figures.p99_ms) == (0.4, 0.95, 1.48)


def test_counts_every_kind_of_error() -> None:
    figures = parse(PRINTED.replace('"status": 0', '"status": 4'))
    assert figures.n_errors == 7


def test_an_answer_with_another_status_does_not_count_towards_the_rate() -> None:
    assert parse(PRINTED.replace('"status": 0', '"status": 10000')).rate == 0


def test_output_without_figures_is_a_failure_that_shows_it() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:8000 Connection refused\n")
