"""The connection as uvicorn's cycles see it when they write a reply."""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """What a cycle may do to it."""

    def send(self, data: bytes) -> None:
        """Write, unless the connection is over."""
        ...

    def close_after_reply(self) -> None:
        """The reply was the last."""
        ...

    def ending(self) -> bool:
        """Whether nothing more can be written."""
        ...


class Outgoing:
    """Stands where a cycle keeps its transport: only the connection knows whether it still has one,
    and whether the client is still sending."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """See asyncio.WriteTransport."""
        self._connection.send(data)

    def close(self) -> None:
        """See asyncio.BaseTransport."""
        self._connection.close_after_reply()

    def is_closing(self) -> bool:
        """See asyncio.BaseTransport."""
        return self._connection.ending()
