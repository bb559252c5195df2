"""What a configuration says of windows."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from seatrial.gateway.tokens.windows import Window, WindowEntry
from seatrial.kernel.config import ConfigModel


class WindowConfig(ConfigModel):
    """How much a model reads and writes at once, for one that is not known or known wrongly."""

    model: str = Field(min_length=1, description="Its name; its dated versions are meant, too.")
    context_tokens: int = Field(ge=1, description="Of input and output together.")
    max_output_tokens: int | None = Field(
        default=None, ge=1, description="Of the output, reasoning included."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_output_tokens is not None and self.max_output_tokens > self.context_tokens:
            raise ValueError(
                f"{self.max_output_tokens} tokens of output are more than the context has"
            )
        return self

    def entry(self) -> WindowEntry:
        """As tables take it."""
        window = Window(
            context_tokens=self.context_tokens, max_output_tokens=self.max_output_tokens
        )
        return WindowEntry(model=self.model, window=window)
