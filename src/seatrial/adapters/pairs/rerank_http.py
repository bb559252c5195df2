"""Rerankers over HTTP.

Sources: docs.cohere.com/reference/rerank; jina.ai/reranker (equal in what is used here, as are
Voyage's, vLLM's and Infinity's); huggingface.github.io/text-embeddings-inference, ``/rerank``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.tokenizer_hf import whole
from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.adapters.pairs.service import PairService, number


class RerankForm(StrEnum):
    """How a service wants to be asked."""

    COHERE = "cohere"
    """``documents`` in, ``results`` with ``relevance_score`` out: Cohere, Jina, vLLM."""
    TEI = "tei"
    """``texts`` in, a list of ``score`` out: Text Embeddings Inference."""


class HttpReranker:
    """Is a `Reranker`.

    Args:
        endpoint: its base URL, with the version where the service has one; `/rerank` is added.
        model: its name there; "" for a service with one model.
        form: of requests and answers.
        most_passages: of one request, >= 1.
        timeout_s: of each request, > 0.
    Raises: MissingExtra.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str = "",
        form: RerankForm = RerankForm.COHERE,
        most_passages: int = 100,
        timeout_s: float = 10.0,
    ) -> None:
        self._service = PairService(endpoint, timeout_s=timeout_s)
        self._model = model
        self._form = form
        self._most = most_passages
        self._name = f"{endpoint.name}/{model}" if model else endpoint.name

    @property
    def name(self) -> str:
        """See Reranker."""
        return self._name

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """See Reranker.   Raises: ServiceUnavailable."""
        parts = [
            self._asked(
                whole(question), [whole(one) for one in passages[start : start + self._most]]
            )
            for start in range(0, len(passages), self._most)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def close(self) -> None:
        """Give back connections."""
        self._service.close()

    def _asked(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        question, texts = whole(question), [whole(passage) for passage in passages]
        if self._form is RerankForm.COHERE:
            body: dict[str, object] = {
                "query": question,
                "documents": texts,
                "top_n": len(passages),
            }
            if self._model:
                body["model"] = self._model
            answer = self._service.post("/rerank", body)
            found = answer.get("results") if isinstance(answer, Mapping) else None
            key = "relevance_score"
        else:
            body = {"query": question, "texts": texts, "truncate": True}
            found, key = self._service.post("/rerank", body), "score"
        scores = np.full(len(passages), np.nan, np.float32)
        for one in found if isinstance(found, list) else []:
            if not isinstance(one, Mapping):
                continue
            place, score = one.get("index"), number(one.get(key))
            if isinstance(place, int) and 0 <= place < len(scores) and score is not None:
                scores[place] = score
        if np.isnan(scores).any():
            n = int(np.isnan(scores).sum())
            raise self._service.wrong(f"no score for {n} of {len(passages)} passages")
        return scores
