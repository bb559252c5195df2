"""What every model of entailment must do; see `rag.groundedness.verdict.Entailment`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seatrial.rag.groundedness.verdict import Entailment

PAIRS = (
    ("The ship left at dawn.", "It left early."),
    ("", ""),
    ("船在黎明时离港。", "它很早就离开了。"),
    ("Revenue fell. " * 2000, "Revenue rose."),
    ("\U0001f6a2 a\ud800b", "a"),
)


class EntailmentSuite:
    """Subclass it as ``Test...`` with a fixture ``entailment``."""

    def test_a_probability_for_each_pair(self, entailment: Entailment) -> None:
        """In [0, 1], whatever the pair."""
        found = entailment.probabilities(PAIRS)
        assert len(found) == len(PAIRS)
        assert all(0 <= one <= 1 for one in found)

    def test_no_pair_is_no_probability(self, entailment: Entailment) -> None:
        """And no error."""
        assert list(entailment.probabilities([])) == []

    def test_probabilities_follow_their_pairs(self, entailment: Entailment) -> None:
        """In whatever order they come; premise and claim are not the same."""
        found = entailment.probabilities(PAIRS)
        assert list(entailment.probabilities(PAIRS[::-1]))[::-1] == pytest.approx(list(found))
        assert len({round(one, 6) for one in found}) > 1

    def test_threads_may_ask_at_once(self, entailment: Entailment) -> None:
        """And get the same."""
        first = list(entailment.probabilities(PAIRS))
        with ThreadPoolExecutor(4) as pool:
            for again in pool.map(lambda _: entailment.probabilities(PAIRS), range(4)):
                assert list(again) == pytest.approx(first)

    def test_it_has_a_name(self, entailment: Entailment) -> None:
        """For reports."""
        assert entailment.name
        assert entailment.name.isprintable()
