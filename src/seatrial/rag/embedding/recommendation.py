"""Which embedder suits a corpus, by the languages in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_FOREIGN = 0.05
"""From this share of other languages on, an English embedder leaves too much unfound."""


class Choice(StrEnum):
    """Embedders that need no network; the names of `EmbeddingConfig.kind`."""

    MINILM = "minilm"
    MULTILINGUAL = "multilingual"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to embed with, and why, for people.

    Args:
        share: of the texts, in [0, 1], whose language the choice understands; of those whose
            language is known.
    """

    choice: Choice
    reason: str
    share: float


def recommended(languages: Mapping[str, float], *, multilingual: bool) -> Recommendation:
    """The embedder for a corpus.

    Args:
        languages: share of the texts per ISO 639-1 code, ``""`` for those that cannot be told.
        multilingual: whether the multilingual embedder is installed.
    """
    told = {name: share for name, share in languages.items() if name and share > 0}
    total = sum(told.values())
    english = told.get("en", 0.0) / total if total else 1.0
    if english >= 1 - _FOREIGN:
        reason = (
            "No text tells its language; the embedder for English is the fastest."
            if not total
            else f"{english:.0%} of the texts are English, for which it is made."
        )
        return Recommendation(Choice.MINILM, reason, english)
    foreign = max((n for n in told if n != "en"), key=lambda n: (told[n], n))
    held = f"{told[foreign] / total:.0%} of the texts are in the language {foreign!r}"
    if multilingual:
        reason = f"{held}, which it understands, and questions in other languages find them."
        return Recommendation(Choice.MULTILINGUAL, reason, 1.0)
    if english >= 0.5:
        reason = (
            f"{held}, which it does not understand; words alone find those. "
            "Install seatrial[multilingual] for vectors of them."
        )
        return Recommendation(Choice.MINILM, reason, english)
    reason = (
        f"{held}, which the embedder that is installed does not understand: words find more than "
        "its vectors would. Install seatrial[multilingual] for vectors of them."
    )
    return Recommendation(Choice.NONE, reason, 0.0)
