"""Prompts in a program of one's own: loaded with the first that is asked.

What follows the store loads numpy and takes a thread now and then, and a program that asks models
alone needs neither.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from seatrial.gateway.prompts.failures import PromptNotFound
from seatrial.kernel.clock import Clock
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.wiring.prompts.followed import FollowedPrompts
    from seatrial.wiring.prompts.versions import PickedPrompt


class PromptsHere:
    """See `gateway.routes.prompted.Prompts`.

    Args:
        workspace: whose store is opened when a prompt is asked for the first time.
        clock: monotonic time.
    """

    def __init__(self, workspace: Workspace, *, clock: Clock) -> None:
        self._workspace, self._clock = workspace, clock
        self._followed: FollowedPrompts | None = None
        self._looking = asyncio.Lock()

    def names(self) -> list[str]:
        """See Prompts; those known since the last look."""
        return [] if self._followed is None else self._followed.routed.names()

    async def refresh(self) -> None:
        """See Prompts.   Raises: StoreUnavailable and its kin, while nothing was ever read."""
        async with self._looking:
            if self._followed is None:
                from seatrial.wiring.prompts.followed import open_followed

                self._followed = await open_followed(self._workspace, clock=self._clock)
            else:
                await self._followed.look()

    def pick(self, name: str, key: bytes | None, version: int | None) -> PickedPrompt:
        """See Prompts.   Raises: PromptNotFound, StillLoading, UnknownVersion, NothingLive."""
        return self._known(name).routed.pick(name, key, version)

    def score(self, name: str, answer: str, score: float) -> bool:
        """See Prompts.   Raises: PromptNotFound, StillLoading, AnswerUnknown, BadSummary."""
        return self._known(name).routed.score(name, answer, score)

    def _known(self, name: str) -> FollowedPrompts:
        if self._followed is None:
            raise PromptNotFound(
                f"There is no prompt {name[:100]!r} here yet.",
                remedy="Ask by Gateway.prompt, which looks for it.",
                prompt=name[:100],
            )
        return self._followed

    async def close(self) -> None:
        """Hand in what was measured, and let go of the store."""
        if self._followed is not None:
            await self._followed.close()
