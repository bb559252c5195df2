import json

import pytest

from benchmarks.semantic.__main__ import PAIRS, Pair, known_of, pairs_of, rows_of, taken, upper
from seatrial.gateway.policies.question_words import telling


def test_no_pair_of_different_answers_has_the_same_words():
    pairs = pairs_of(PAIRS)
    alike = [p for p in pairs if telling(p.one) == telling(p.other) is not None]
    assert [pair for pair in alike if not pair.same] == []
    assert len(alike) >= 10
    assert sum(not pair.same for pair in pairs) >= 90


@pytest.mark.parametrize(
    ("wrong", "n", "bound"), [(0, 12, 0.2209), (3, 17, 0.3956), (5, 5, 1.0), (0, 4000, 0.00075)]
)
def test_the_bound_is_that_of_tables(wrong, n, bound):
    """Of scipy 1.16, ``beta.ppf(0.95, wrong + 1, n - wrong)``."""
    assert upper(wrong, n) == pytest.approx(bound, abs=2e-4)


def test_hits_are_counted_for_each_judge():
    pairs = [Pair(True, "How do I pay?", "How to pay?"), Pair(False, "Pay 1?", "Pay 2?")]
    rows = list(rows_of(pairs, lambda _: [1.0, 0.0]))
    assert rows[0].startswith("| cosine alone | 0.90 | 2 | 1 |")
    assert rows[3].startswith("| words and cosine | 0.90 | 1 | 0 |")
    assert rows[3].endswith("| 100% |")


def test_questions_of_a_set_are_held_against_each_other(tmp_path):
    rows = [("What is a tree?", ["A plant"]), ("what's the tree", ["a plant."]), ("Why?", [])]
    lines = [json.dumps({"text": text, "answers": answers}) for text, answers in rows]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines))
    known = known_of(tmp_path)
    ((one, other),) = taken(known)
    assert one.answers == other.answers == {"a plant"}
    assert len(known) == 3
