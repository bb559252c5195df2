"""Texts to measure costs on: of a question set, or made by chance where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.rag.sets import corpus, questions

SET = "scifact"
_N_WORDS = 20_000
_LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))


def documents(data: Path | None, n: int) -> list[tuple[str, str]]:
    """Titles and texts, n at most."""
    if data is not None:
        return list(corpus(data / SET).values())[:n]
    words = Words(1)
    return [(words.sentence(6), " ".join(words.sentence() for _ in range(12))) for _ in range(n)]


def asked(data: Path | None, n: int) -> list[str]:
    """Questions of the same corpus, n at most."""
    if data is not None:
        return [one.text for one in questions(data / SET)][:n]
    words = Words(2)
    return [words.sentence(10) for _ in range(n)]


class Words:
    """Sentences of made-up words, whose frequencies fall as those of English do."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        spelled = np.random.default_rng(0)  # the same words for every seed
        lengths = spelled.integers(2, 11, _N_WORDS)
        self._words = ["".join(spelled.choice(_LETTERS, length)) for length in lengths]
        self._sums = np.cumsum(1 / np.arange(1, _N_WORDS + 1))

    def sentence(self, n: int = 17) -> str:
        """Of n words."""
        drawn = np.searchsorted(self._sums, self._chance.random(n) * self._sums[-1])
        return " ".join(self._words[row] for row in drawn).capitalize() + "."
