"""Which texts go into one request to a hosted embedder."""

from __future__ import annotations

from collections.abc import Sequence


def requests_of(n_tokens: Sequence[int], *, most_texts: int, most_tokens: int) -> list[range]:
    """Runs of texts, in order, that fit a request; one that fits none goes alone.

    Args:
        n_tokens: of each text, >= 0.
        most_texts: of a request, >= 1.
        most_tokens: of all its texts together, >= 1.
    """
    runs: list[range] = []
    start, total = 0, 0
    for place, n in enumerate(n_tokens):
        if place > start and (place - start == most_texts or total + n > most_tokens):
            runs.append(range(start, place))
            start, total = place, 0
        total += n
    if start < len(n_tokens):
        runs.append(range(start, len(n_tokens)))
    return runs
