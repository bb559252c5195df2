"""The gateway of a server's worker: its models, its documents, the keys of callers, its routes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from seatrial.adapters.llm.limits_shared import SharedLimits
from seatrial.gateway.policies.metrics import GatewayCounts, Snapshot, exposition
from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.prompted import Prompts
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import FactLog
from seatrial.serving.exchange import Limits
from seatrial.web.llm.plane import LlmPlane
from seatrial.web.planes import Planes
from seatrial.web.streaming import StreamPlane
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.listening import is_loopback
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.wiring.knowledge.releases import ReleasedIndexes
    from seatrial.wiring.knowledge.served import ServedKnowledge


class Llm:
    """What answers the routes of OpenAI and Anthropic in one process.

    Args:
        facts: where the keys of callers are kept.
        prompts: that are released.
        released: indexes that are.
    Raises: as `gateway_of`.
    """

    def __init__(
        self,
        workspace: Workspace,
        facts: FactLog,
        *,
        prompts: Prompts | None = None,
        released: ReleasedIndexes[Any] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = workspace.settings
        self._counts = GatewayCounts()
        here = is_loopback(settings.server.host)
        doorman = Doorman(
            KeyDesk(facts, now=SystemClock().now).ring,
            open=here and not settings.gateway.require_key,
            now=time.monotonic,
            wall=time.time,
        )
        limits = SharedLimits(workspace.limits) if settings.server.workers > 1 else None
        self.knowledge: ServedKnowledge | None = None
        if settings.knowledge:
            self.knowledge = self._opened(workspace, doorman, released)
        self._gateway = gateway_of(
            workspace,
            environment=environment,
            key=doorman.key,
            limits=limits,
            counts=self._counts,
            prompts=prompts,
            beside=[] if self.knowledge is None else self.knowledge.routes,
        )
        most = Limits(max_body_bytes=settings.gateway.limits.max_body_bytes)
        self._models = LlmPlane(self._gateway, doorman, most)
        self.plane: StreamPlane = self._models
        if self.knowledge is not None:
            self.plane = Planes([self._models, self.knowledge.plane(doorman, most)])

    def _opened(
        self, workspace: Workspace, doorman: Doorman, released: ReleasedIndexes[Any] | None
    ) -> ServedKnowledge:
        from seatrial.wiring.knowledge.served import ServedKnowledge

        return ServedKnowledge(workspace, doorman, gateway=lambda: self._gateway, released=released)

    def has(self, name: str) -> bool:
        """Whether a model of the gateway has this name."""
        return self._models.has(name)

    def snapshot(self) -> object:
        """See `serving.worker.Beside`."""
        return msgspec.to_builtins(self._counts.snapshot())

    def exposition(self, workers: Mapping[str, object]) -> str:
        """See `serving.worker.Beside`; a worker that has no models counts nothing."""
        return exposition(
            {
                name: msgspec.convert(counts, Snapshot, strict=False)
                for name, counts in workers.items()
                if counts is not None
            }
        )

    async def close(self) -> None:
        """Keep what calls cost, and give back connections."""
        if self.knowledge is not None:
            await self.knowledge.close()
        await self._gateway.close()
