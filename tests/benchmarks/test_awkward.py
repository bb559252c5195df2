"""No awkward column is judged wrongly."""

from __future__ import annotations

import pytest

from benchmarks.monitor.awkward import CASES, Case, judged


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_watch_says_what_a_person_would(case: Case) -> None:
    ((_, n_wrong),) = judged(2, (case,))
    assert n_wrong == 0
