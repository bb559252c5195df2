"""The port of rerankers: how well each passage answers a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Reranker(Protocol):
    """Scores pairs. May be called from several threads at once."""

    @property
    def name(self) -> str:
        """The model."""
        ...

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """One score a passage (n,), higher is better; comparable within one call only.

        Raises: Unavailable.
        """
        ...
