"""What answers cost beside trainings: quantiles, and how the table compares them."""

from __future__ import annotations

from benchmarks.beside import quantile, table


def test_a_quantile_is_a_value_that_was_measured() -> None:
    took = [float(i) for i in range(1, 101)]
    assert [quantile(took, q) for q in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert quantile([7.0], 0.5) == 7.0


def test_each_line_is_held_against_the_quiet_machine() -> None:
    rounds = {"nothing": [[1.0] * 100, [2.0] * 100, [9.0]], "a training": [[6.0] * 50]}
    quiet, training = table(rounds).splitlines()[2:]
    assert [cell.strip() for cell in quiet.split("|")[1:-1]] == (
        ["nothing", "201", "2.00", "2.00", "1.0", "2.0"]
    )
    assert "| 3.0 |" in training


def test_without_the_quiet_machine_nothing_is_compared() -> None:
    assert "nan" in table({"a training": [[6.0]]})
