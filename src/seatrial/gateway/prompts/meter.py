"""What a rendering may use up, counted."""

from __future__ import annotations

import msgspec

from seatrial.gateway.prompts.failures import PromptInvalid

METER = "_meter"
CHARS_OF_A_STEP = 100


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one rendering.

    Args:
        max_chars: of all its messages together, >= 1.
        max_steps: iterations of loops and uses of filters, >= 1; a filter on a long text counts
            once more for each hundred characters, an iteration for each ten parts of its body and
            five times for each comparison.
    """

    max_chars: int = 400_000
    max_steps: int = 50_000


class Meter:
    """Counts what a rendering uses up."""

    def __init__(self, limits: Limits) -> None:
        self._chars = limits.max_chars
        self._steps = limits.max_steps
        self._limits = limits

    def step(self, n_chars: int = 0) -> None:
        """Some work.   Raises: PromptInvalid, beyond the bound."""
        self._steps -= 1 + n_chars // CHARS_OF_A_STEP
        if self._steps < 0:
            raise _too_much(f"takes more than {self._limits.max_steps} steps")

    def write(self, n_chars: int) -> None:
        """Some output.   Raises: PromptInvalid, beyond the bound."""
        self._chars -= n_chars
        if self._chars < 0:
            raise _too_much(f"gives more than {self._limits.max_chars} characters")


def _too_much(why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The rendering of a prompt {why}.",
        remedy="Give shorter variables, or a prompt that repeats less.",
    )
