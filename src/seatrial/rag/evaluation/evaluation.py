"""What was measured with a set of questions: a score a question and metric, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from seatrial.stats.bootstrap import BootstrapMean, bootstrap_mean
from seatrial.stats.roc import RocAuc


class Metric(StrEnum):
    """What is measured of one question. Those of a ranking are of its first k documents."""

    NDCG = "ndcg"
    RECALL = "recall"
    PRECISION = "precision"
    RECIPROCAL_RANK = "reciprocal_rank"
    CITATION_PRECISION = "citation_precision"
    CITATION_RECALL = "citation_recall"
    CITATION_EXACT = "citation_exact"
    GROUNDEDNESS = "groundedness"
    WITHHELD = "withheld"
    EXACT_MATCH = "exact_match"
    F1 = "f1"
    FALSE_REFUSAL = "false_refusal"
    REFUSAL = "refusal"
    SECONDS = "seconds"


LESS_IS_BETTER = frozenset({Metric.FALSE_REFUSAL, Metric.SECONDS, Metric.WITHHELD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Questions asked of one version of an index, with one way to search it.

    Args:
        name: of what was evaluated, for people.
        index: name and version that were asked.
        k: how many documents of a ranking count.
        scores: by metric, a score for each question that it applies to, by question id.
        abstention: how well confidence tells the questions that the corpus answers from those it
            does not; None without two of each.
        texts: of the questions, by id.
    """

    name: str
    index: str
    version: int
    k: int
    scores: Mapping[Metric, Mapping[str, float]]
    texts: Mapping[str, str]
    abstention: RocAuc | None = None

    def mean(self, metric: Metric, *, alpha: float = 0.05) -> BootstrapMean | None:
        """The mean over the questions that a metric applies to; None where there is none."""
        scores = self.scores.get(metric)
        return bootstrap_mean(list(scores.values()), alpha=alpha) if scores else None

    def quantile(self, metric: Metric, share: float) -> float | None:
        """A quantile over the questions, such as 0.95 of the seconds."""
        scores = self.scores.get(metric)
        return float(np.quantile(list(scores.values()), share)) if scores else None

    def worst(self, metric: Metric, n: int) -> list[tuple[str, float]]:
        """Ids and scores of the n questions that did worst, the worst first."""
        scores = self.scores.get(metric, {})
        sign = -1 if metric in LESS_IS_BETTER else 1
        return sorted(scores.items(), key=lambda item: sign * item[1])[:n]
