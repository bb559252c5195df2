"""The indexes of a server's worker: asked over HTTP, and as models beside those of the gateway."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.routes.table import Route
from seatrial.rag.knowledge.provider import PREFIX, KnowledgeProvider
from seatrial.serving.exchange import Limits
from seatrial.web.knowledge.plane import KnowledgePlane
from seatrial.wiring.knowledge.here import KnowledgeHere, OpenIndex
from seatrial.wiring.knowledge.releases import ReleasedIndexes
from seatrial.wiring.workspace import Workspace

_DEADLINE_S = 120.0


class ServedKnowledge:
    """What answers questions in one process.

    Args:
        doorman: knows the keys of callers.
        gateway: writes answers; asked for when the first is needed.
        released: picks versions of indexes that are released.
    """

    def __init__(
        self,
        workspace: Workspace,
        doorman: Doorman,
        *,
        gateway: Callable[[], Gateway],
        released: ReleasedIndexes[OpenIndex] | None = None,
    ) -> None:
        self.here = KnowledgeHere(workspace, gateway=gateway, released=released)

        def readers(key_id: str | None) -> frozenset[str]:
            key = doorman.key(key_id)
            return frozenset() if key is None else frozenset(key.groups)

        self.routes = [
            Route(
                name=PREFIX + name,
                provider=KnowledgeProvider(self.here, name, readers=readers),
                deadline_s=_DEADLINE_S,
            )
            for name in self.here.names()
        ]

    def plane(self, doorman: Doorman, limits: Limits) -> KnowledgePlane:
        """The routes of questions."""
        return KnowledgePlane(self.here, doorman, limits)

    async def close(self) -> None:
        """Let its threads end."""
        await self.here.close()
