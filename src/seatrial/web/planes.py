"""Several planes behind one door: each owns its routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import Limits, Reply, Request, StreamReply
from seatrial.web.streaming import StreamPlane


class Planes:
    """See `web.streaming.StreamPlane`.

    Args: planes: at least one; where two own a path, the first answers.
    """

    def __init__(self, planes: Sequence[StreamPlane]) -> None:
        self._planes = tuple(planes)
        self.limits = Limits(max_body_bytes=max(p.limits.max_body_bytes for p in self._planes))

    def owns(self, path: str) -> bool:
        """See `StreamPlane`."""
        return any(plane.owns(path) for plane in self._planes)

    def refused(self, error: SeatrialError, path: str) -> Reply:
        """See `StreamPlane`."""
        return self._of(path).refused(error, path)

    async def answer(self, request: Request) -> Reply | StreamReply:
        """See `StreamPlane`."""
        return await self._of(request.path).answer(request)

    def described(self) -> Mapping[str, Any]:
        """See `StreamPlane`."""
        paths, tags = dict[str, Any](), list[Any]()
        for plane in self._planes:
            described = plane.described()
            paths |= described["paths"]
            tags += described["tags"]
        return {"paths": paths, "tags": tags}

    def _of(self, path: str) -> StreamPlane:
        return next((p for p in self._planes if p.owns(path)), self._planes[0])
