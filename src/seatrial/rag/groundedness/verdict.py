"""What a check of a sentence says, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from seatrial.rag.text.document import Span


class Support(StrEnum):
    """Whether passages say what a sentence says."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NOTHING_SAID = "nothing_said"  # the sentence claims nothing: a greeting, a heading, a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The best supporting span: which of the passages (from 0), and its characters there."""

    passage: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundednessVerdict:
    """The judgement of one sentence.

    Args:
        score: probability in [0, 1] that the passages support it, by the profile; 0 where it
            claims nothing.
        evidence: where the support lies; None where nothing comes near.
        also: where the rest of it lies, if one span does not hold all that is said.
        reason: one sentence for people: what is missing or contradicted, or what supports it;
            `reason_zh` says the same in Chinese.
        signals: the measurements behind the score, by name.
    """

    support: Support
    score: float
    evidence: Evidence | None
    reason: str
    signals: Mapping[str, float]
    reason_zh: str | None = None
    also: tuple[Evidence, ...] = ()


class Entailment(Protocol):
    """A model that judges whether a premise entails a claim: NLI, a cross-encoder, a service."""

    @property
    def name(self) -> str:
        """The model."""
        ...

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
        """Per (premise, claim) the probability in [0, 1] of entailment.

        Raises: Unavailable.
        """
        ...
