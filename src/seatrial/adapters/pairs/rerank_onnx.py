"""Rerankers that run here: a cross-encoder in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.pairs.model import PairModel


class OnnxReranker:
    """Is a `Reranker`: the model's only output, or the last of several, the higher the better.

    Args: as `PairModel`.
    Raises: PairModelUnusable; EncoderUnusable; MissingExtra.
    """

    def __init__(self, path: Path, *, tokenizer: Path | None = None, max_tokens: int = 512) -> None:
        self._name = f"onnx/{path.parent.name}/{path.stem}"
        self._model = PairModel(path, tokenizer=tokenizer, max_tokens=max_tokens)

    @property
    def name(self) -> str:
        """See Reranker."""
        return self._name

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """See Reranker."""
        if not passages:
            return np.empty(0, np.float32)
        return self._model.logits([(question, passage) for passage in passages])[:, -1]
