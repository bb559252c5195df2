"""How a structured answer is asked for, and how much may be spent on mending it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from seatrial.gateway.structured.read import DEFAULTS, ReadOptions
from seatrial.kernel.errors import Invalid


class Mode(StrEnum):
    """How the model learns what the answer must be. The answer is checked here in every mode.

    NATIVE: the provider is given the schema and holds the model to it.
    TOOL: the answer is the arguments of a tool the model must call.
    PROMPT: a system message says the schema.
    """

    NATIVE = "native"
    TOOL = "tool"
    PROMPT = "prompt"


class StructuredOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one structured answer.

    Args:
        max_asked: calls in all, the first included, >= 1; also for each answer of several.
        max_cost_usd: no call is made that would bring the cost of all above this, if it costs
            what the last one did, or whose cost is not known; None sets no bound.
        max_tokens_if_cut: an answer that was cut off is asked for again with twice the
            ``max_tokens``, up to this; None makes it an error at once.
    """

    mode: Mode = Mode.PROMPT
    max_asked: int = 3
    max_cost_usd: Decimal | None = None
    max_tokens_if_cut: int | None = None
    read: ReadOptions = DEFAULTS

    def __post_init__(self) -> None:
        if self.max_asked < 1:
            raise Invalid(
                f"max_asked is {self.max_asked}, less than 1.",
                remedy="Allow at least one call.",
                field="max_asked",
            )
