"""Models in ONNX that judge pairs of texts: cross-encoders and models of entailment.

A model is a file as `optimum-cli export onnx` writes it, with the `tokenizer.json` of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.onnx import one_thread_session
from seatrial.adapters.embedding.tokenizer_hf import HfTokenizer
from seatrial.kernel.errors import Invalid

Floats: TypeAlias = NDArray[np.float32]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_DTYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class PairModelUnusable(Invalid):
    """A model of pairs does not load, or has other inputs or outputs than such models have."""

    code = "rag.pair_model_unusable"


class PairModel:
    """Answers pairs, one a run: no padding, and no answer that depends on another pair.

    Args:
        path: of the ONNX file.
        tokenizer: of its `tokenizer.json`; None for the one beside it.
        max_tokens: of a pair, the special ones included; the longer text is cut.
    Raises: PairModelUnusable; EncoderUnusable; MissingExtra.
    """

    def __init__(self, path: Path, *, tokenizer: Path | None = None, max_tokens: int = 512) -> None:
        self._path = path
        try:
            self._session = one_thread_session(path.read_bytes())
        except Exception as error:
            raise self._unusable(f"it does not load ({error})") from error
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        strange = [n for n, kind in inputs.items() if n not in _INPUTS or kind not in _DTYPES]
        if strange or "input_ids" not in inputs:
            named = ", ".join(sorted(inputs))
            raise self._unusable(f"its inputs are {named}, not whole numbers of {_INPUTS}")
        self._inputs = {name: _DTYPES[kind] for name, kind in inputs.items()}
        self._tokenizer = HfTokenizer.of_file(tokenizer or path.with_name("tokenizer.json"))
        self._tokenizer.cut_pairs(max_tokens)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """What the model answers (n, n_labels).   Raises: PairModelUnusable."""
        return np.stack([self._one(*pair) for pair in pairs])

    def _one(self, first: str, second: str) -> Floats:
        ids, types = self._tokenizer.pair_ids(first, second)
        values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": types}
        feed = {name: np.array([values[name]], kind) for name, kind in self._inputs.items()}
        try:
            found = np.asarray(self._session.run(None, feed)[0], np.float32)
        except Exception as error:
            raise self._unusable(f"it fails on {len(ids)} tokens ({error})") from error
        if found.ndim != 2 or not np.isfinite(found).all():
            raise self._unusable(f"its answer has the shape {found.shape}, or is no number")
        answer: Floats = found[0]
        return answer

    def _unusable(self, why: str) -> PairModelUnusable:
        return PairModelUnusable(
            f"The model {str(self._path)!r} cannot be used: {why}.",
            remedy="Export it with: optimum-cli export onnx --task text-classification",
            path=str(self._path),
        )
