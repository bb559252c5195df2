"""Entailment judged here: a model of natural language inference, or a binary one, in ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seatrial.adapters.pairs.model import PairModel, PairModelUnusable

_ENTAILED = ("entailment", "entailed", "supported", "consistent")


class OnnxEntailment:
    """Is an `Entailment`.

    Args:
        path, tokenizer, max_tokens: as `PairModel`.
        entailed: place of the label that means entailment; None for what the `config.json` beside
            the model calls so. A model with one output gives it by the logistic function.
    Raises: PairModelUnusable; EncoderUnusable; MissingExtra.
    """

    def __init__(
        self,
        path: Path,
        *,
        tokenizer: Path | None = None,
        max_tokens: int = 512,
        entailed: int | None = None,
    ) -> None:
        self._name = f"onnx/{path.parent.name}/{path.stem}"
        self._path = path
        self._model = PairModel(path, tokenizer=tokenizer, max_tokens=max_tokens)
        self._entailed = _label(path) if entailed is None else entailed

    @property
    def name(self) -> str:
        """See Entailment."""
        return self._name

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
        """See Entailment."""
        if not pairs:
            return []
        logits = self._model.logits(pairs).astype(np.float64)
        if logits.shape[1] == 1:
            found = 1 / (1 + np.exp(-logits[:, 0]))
            return [float(one) for one in found]
        if self._entailed is None or self._entailed >= logits.shape[1]:
            raise PairModelUnusable(
                f"Which of the {logits.shape[1]} labels of {str(self._path)!r} is entailment is "
                "not known.",
                remedy="Say which by `entailed`, from 0.",
                path=str(self._path),
            )
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return [float(one) for one in shares[:, self._entailed]]


def _label(path: Path) -> int | None:
    """By the names that the model's settings give its labels; None where they tell nothing."""
    try:
        named = json.loads(path.with_name("config.json").read_bytes())["id2label"]
        for place, label in named.items():
            if str(label).lower() in _ENTAILED:
                return int(place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None
