"""The benchmark of chunkers sees chunks that are wrong, too long or missing."""

from benchmarks.rag.apps.cut import faults
from benchmarks.rag.chunkers import OURS, PROSE, Cut, goals, soundness, speeds

TEXT = "one two three"


def cut(unit: str, cpu_s: float, **what: int) -> Cut:
    return Cut(text=PROSE, unit=unit, overlap=0, n_characters=4_000_000, cpu_s=cpu_s, **what)


def test_faults_of_chunks_are_counted() -> None:
    sound = faults(TEXT, [(0, "one two"), (8, "three")], len, 7)
    assert sound == {"n": 2, "wrong": 0, "over": 0, "longest": 7, "lost": 0}
    unsound = faults(TEXT, [(1, "one"), (-1, "two"), (8, "three")], len, 4)
    assert unsound == {"n": 3, "wrong": 2, "over": 1, "longest": 5, "lost": 6}


def test_goals_are_met_missed_or_not_measured() -> None:
    found = {OURS[0]: [cut("characters", 0.04), cut("tokens", 2.0, wrong=1)]}
    assert [goal.met for goal in goals(found, full=True)] == [True, False, False]
    assert [goal.met for goal in goals(found, full=False)] == [None, None, False]
    assert [goal.met for goal in goals({}, full=True)] == [None, None, None]


def test_tables_show_what_was_not_done() -> None:
    failed = Cut(text=PROSE, unit="tokens", overlap=0, n_characters=1, failed="no overlap")
    found = {"peer": [cut("characters", 0.05, n=7, over=2, longest=9945), failed]}
    assert "| peer | 80 | – | – | – |" in speeds(found, PROSE)
    assert "| peer | 7 | 0 | 2 | 9.9 | 0 | 1 |" in soundness(found)
