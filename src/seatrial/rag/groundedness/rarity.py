"""How much a term says: nothing for "the" and 的, most for a word that few sentences hold.

The table has the terms that at least one in 3,000 sentences of English web pages or one in 500 of
Chinese encyclopaedia articles holds; `benchmarks.rag.fit_groundedness` makes it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

UNKNOWN = 0.95
LEAST = 0.05


@cache
def _table() -> dict[str, float]:
    written = files(__package__).joinpath("rarity.json").read_text("utf-8")
    return {term: value / 100 for term, value in json.loads(written)["hundredths"].items()}


def rarity(term: str) -> float:
    """In [0.05, 1]: the inverse document frequency of a term over that of a term seen once."""
    return _table().get(term, UNKNOWN)
