"""What every reranker must do; see `rag.retrieval.reranker.Reranker`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seatrial.rag.retrieval.reranker import Reranker

QUESTION = "When did the ship leave?"
PASSAGES = (
    "The ship left the harbour at dawn.",
    "",
    "船在黎明时离港。",
    "Revenue fell. " * 2000,
    "\U0001f6a2 a\ud800b",
)


class RerankerSuite:
    """Subclass it as ``Test...`` with a fixture ``reranker``."""

    def test_a_score_for_each_passage(self, reranker: Reranker) -> None:
        """A number, whatever the passage."""
        scores = reranker.scores(QUESTION, PASSAGES)
        assert scores.shape == (len(PASSAGES),)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_no_passage_is_no_score(self, reranker: Reranker) -> None:
        """And no error."""
        assert reranker.scores(QUESTION, []).shape == (0,)

    def test_scores_follow_their_passages(self, reranker: Reranker) -> None:
        """In whatever order they come."""
        scores = reranker.scores(QUESTION, PASSAGES)
        turned = reranker.scores(QUESTION, PASSAGES[::-1])[::-1]
        assert np.abs(scores - turned).max() < 1e-5
        assert len({round(float(one), 6) for one in scores}) > 1

    def test_threads_may_ask_at_once(self, reranker: Reranker) -> None:
        """And get the same."""
        first = reranker.scores(QUESTION, PASSAGES)
        with ThreadPoolExecutor(4) as pool:
            again = list(pool.map(lambda _: reranker.scores(QUESTION, PASSAGES), range(4)))
        assert max(np.abs(first - one).max() for one in again) < 1e-5

    def test_it_has_a_name(self, reranker: Reranker) -> None:
        """For reports."""
        assert reranker.name
        assert reranker.name.isprintable()
