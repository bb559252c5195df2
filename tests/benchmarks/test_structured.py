"""Bad outputs of twelve kinds: the shares put right, and that no value is wrong."""

from __future__ import annotations

import pytest

from benchmarks.structured.__main__ import costs, markdown, repaired
from benchmarks.structured.cases import KINDS, N_CASES, Order, cases
from benchmarks.structured.mending import mend


async def test_the_shares_put_right_of_two_hundred_bad_outputs():
    rows = {row.kind: row for row in await repaired(cases())}
    every = rows["all"]
    assert every.n == N_CASES
    assert every.wrong == 0
    assert every.without_call >= 95
    assert every.without_call + every.with_call == N_CASES
    assert set(rows) == {*KINDS, "all"}
    for kind in ("fences", "single quotes"):
        assert rows[kind].without_call == rows[kind].n
    for kind in ("missing keys", "NaN"):
        assert rows[kind].without_call == 0
    assert rows["duplicated keys"].wrong_by_json > 0


@pytest.mark.parametrize("seed", range(5))
async def test_no_value_is_wrong_whatever_the_seed(seed):
    every = (await repaired(cases(240, seed)))[-1]
    assert every.wrong == 0
    assert every.without_call >= 0.4 * every.n
    assert every.without_call + every.with_call >= 0.98 * every.n


def test_cases_are_bad_and_made_of_a_truth():
    made = cases()
    texts = [case.text for case in made]
    assert texts == [case.text for case in cases()]
    assert texts != [case.text for case in cases(seed=1)]
    assert len(set(texts)) >= 190
    for case in made:
        Order.model_validate(case.truth, strict=True)


def test_the_model_mends_what_it_is_told_alone():
    meant: dict[str, object] = {"a": [{"b c": 1}, {"b c": 2}], "more": 1, "x": 0}
    truth: dict[str, object] = {"a": [{"b c": 3}, {"b c": 4}], "x": 5, "new": 6}
    mend(meant, truth, "$.a[1]['b c']")
    mend(meant, truth, "$.more")
    mend(meant, truth, "$.new")
    mend(meant, truth, "$")
    assert meant == {"a": [{"b c": 1}, {"b c": 4}], "x": 0, "new": 6}


async def test_a_good_answer_costs_little():
    spent = await costs(50)
    assert all(0 < row.cpu_ms < 0.5 for row in spent)
    rows = await repaired(cases(12))
    assert "| all | 12 |" in markdown(rows, spent)
