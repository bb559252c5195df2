"""The section ``answering`` of an index: who answers, and what is passed on of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.kernel.config import ConfigModel


class AnsweringConfig(ConfigModel):
    """Who answers, and what becomes of what is not supported."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="A model of the gateway that writes answers; without one the sentences that "
        "answer best are quoted, word for word.",
    )
    max_tokens: int = Field(default=800, ge=1, description="Of an answer that a model writes.")
    max_sentences: int = Field(default=2, ge=1, le=20, description="That are quoted without one.")
    unsupported: Literal["withhold", "flag"] = Field(
        default="withhold",
        description="Whether a sentence that no passage supports is left out, or stays with [?].",
    )
    profile: str = Field(
        default="general",
        description="How support is judged: general, answers (to questions), web_claims.",
    )
    refuse: bool = Field(
        default=True,
        description="Whether a question is refused at once where what was found most likely "
        "answers nothing.",
    )
