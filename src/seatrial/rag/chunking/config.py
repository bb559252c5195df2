"""The section ``chunking`` of an index: how documents are cut."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel


class ChunkingConfig(ConfigModel):
    """How documents are cut into chunks."""

    kind: Literal["recursive", "sentence", "fixed", "semantic"] = Field(
        default="recursive",
        description="Where chunks end: recursive between sections, else paragraphs, sentences, "
        "words; sentence between sentences; fixed between words; semantic where the subject "
        "changes, which embeds every sentence.",
    )
    unit: Literal["tokens", "characters"] | None = Field(
        default=None,
        description="What lengths count; if not said, tokens of the embedder, and characters "
        "without one.",
    )
    length: int | None = Field(
        default=None,
        ge=8,
        le=100_000,
        description="The longest a chunk may be; if not said, 200 tokens, or what the embedder "
        "reads if that is less, or 900 characters.",
    )
    overlap: int | None = Field(
        default=None,
        ge=0,
        description="How much of a chunk the next one repeats at most, below half of the length; "
        "if not said, a tenth of it.",
    )
    parent: int | None = Field(
        default=None,
        ge=0,
        description="The most that the span around a chunk may hold, which an answer sees in its "
        "place; 0 for none. If not said, four times the length for recursive, and none for others.",
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.length is not None and self.overlap is not None and self.overlap * 2 >= self.length:
            raise ValueError(f"an overlap of {self.overlap} is not below half of {self.length}")
        if self.length is not None and self.parent and self.parent < self.length:
            raise ValueError(f"a parent of {self.parent} is shorter than a chunk of {self.length}")
        return self
