"""Entailment judged by a service: Text Embeddings Inference's ``/predict``, which serves models of
natural language inference and MiniCheck-like classifiers.

Source: huggingface.github.io/text-embeddings-inference, ``/predict`` with pairs of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.adapters.embedding.tokenizer_hf import whole
from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.adapters.pairs.service import PairService, number


class HttpEntailment:
    """Is an `Entailment`.

    Args:
        endpoint: its base URL; `/predict` is added.
        label: what the model calls entailment; capitals do not count.
        most_pairs: of one request, >= 1.
        timeout_s: of each request, > 0.
    Raises: MissingExtra.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        label: str = "entailment",
        most_pairs: int = 32,
        timeout_s: float = 10.0,
    ) -> None:
        self._service = PairService(endpoint, timeout_s=timeout_s)
        self._label = label.lower()
        self._most = most_pairs
        self._name = endpoint.name

    @property
    def name(self) -> str:
        """See Entailment."""
        return self._name

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
        """See Entailment.   Raises: ServiceUnavailable."""
        found: list[float] = []
        for start in range(0, len(pairs), self._most):
            found += self._asked(pairs[start : start + self._most])
        return found

    def close(self) -> None:
        """Give back connections."""
        self._service.close()

    def _asked(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        inputs = [[whole(premise), whole(claim)] for premise, claim in pairs]
        answer = self._service.post("/predict", {"inputs": inputs, "truncate": True})
        if not isinstance(answer, list) or len(answer) != len(pairs):
            raise self._service.wrong(f"no list of {len(pairs)} judgements")
        return [self._probability(one) for one in answer]

    def _probability(self, labels: object) -> float:
        for one in labels if isinstance(labels, list) else []:
            if isinstance(one, Mapping) and str(one.get("label")).lower() == self._label:
                score = number(one.get("score"))
                if score is not None and 0 <= score <= 1:
                    return score
        raise self._service.wrong(f"no probability of the label {self._label!r}")
