"""HTTP to the server of an engine elsewhere, whatever protocol it speaks above that.

Only the configured address is asked; redirects are not followed and proxies of the environment not
used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import orjson

from seatrial.adapters.http.connection import Broken, Closed, Head, HttpConnection
from seatrial.adapters.http.pool import HttpPool, NotConnected
from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)

_KEEP_ALIVE_S: Final = 30.0
_MOST_BYTES: Final = 256 * 2**20
_SHOWN: Final = 300


class EngineHttp:
    """Requests to one address, on connections that are kept.

    Args:
        url: http or https, with the path that the protocol's own paths are under, if any.
        connect_s: for a connection to stand, > 0.
        protocol: what is expected there, for people.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float, protocol: str) -> None:
        parts = urlsplit(url)
        self._url, self._path, self._host = url, parts.path.rstrip("/"), parts.netloc
        self._protocol = protocol
        self._pool = HttpPool(url, connect_s=connect_s, keep_alive_s=_KEEP_ALIVE_S, extra="engines")

    async def close(self) -> None:
        """Give the connections back; no call may follow."""
        await self._pool.close()

    async def good(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a reply of 200.

        Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense.
        """
        head, answer = await self.ask(method, path, timeout_s, body, headers)
        self.check(head, answer)
        return answer

    async def known(self, method: str, path: str, timeout_s: float) -> bytes | None:
        """The body of a reply of 200; None where it is 404, of what the server does not know.

        Raises: as `good`.
        """
        head, answer = await self.ask(method, path, timeout_s)
        if head.status == 404:
            return None
        self.check(head, answer)
        return answer

    def check(self, head: Head, body: bytes) -> None:
        """See that a reply is a good one.   Raises: EngineUnreachable, EngineRefused."""
        if head.status == 200:
            return
        if head.status in (502, 503, 504):  # a proxy, or a server that is not ready
            raise EngineUnreachable(
                f"{self._url} answered {head.status}: {_said(body)}",
                remedy="See whether the engine's server runs and has room.",
                status=head.status,
            )
        raise EngineRefused(
            f"{self._url} answered {head.status}: {_said(body)}",
            remedy="Send the same rows to the engine itself; its log has the reason.",
            status=head.status,
        )

    async def ask(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Head, bytes]:
        """Ask, on a kept connection or a new one; once more where a kept one was closed meanwhile.

        Raises: EngineUnreachable, EngineTimeout, EngineNonsense.
        """
        until = asyncio.get_running_loop().time() + timeout_s
        request = self._request(method, path, body, headers or {})
        while True:
            kept = self._pool.take()
            try:
                connection = kept or await self._pool.connect(until)
            except NotConnected as problem:
                raise self._unreachable(problem.__cause__ or problem) from problem
            try:
                return await _answer(connection, request, until)
            except TimeoutError as late:
                raise EngineTimeout(
                    f"{self._url} did not answer within {timeout_s:g} s.",
                    remedy="See how busy the engine's server is, or give it more replicas.",
                    timeout_s=timeout_s,
                ) from late
            except Closed as closed:
                if kept is None or connection.told is not None:
                    raise self._unreachable(closed) from closed
            except Broken as broken:
                raise self.nonsense(str(broken) or type(broken).__name__) from broken

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        lines = [
            f"{method} {self._path}{path} HTTP/1.1",
            f"Host: {self._host}",
            "Accept-Encoding: identity",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def read(self, body: bytes, kind: type[Any]) -> Any:
        """A body of JSON as what it should be.   Raises: EngineNonsense."""
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise self.nonsense(str(problem)) from problem

    def _unreachable(self, cause: BaseException) -> EngineUnreachable:
        why = str(cause) or type(cause).__name__
        return EngineUnreachable(
            f"{self._url} cannot be reached: {why}.",
            remedy="See whether the engine's server runs there, and engines.<name>.url.",
        )

    def nonsense(self, why: str) -> EngineNonsense:
        """The error of a server that answers something else."""
        return EngineNonsense(
            f"{self._url} answered what is no {self._protocol}: {why[:_SHOWN]}",
            remedy="See whether engines.<name>.url is that of such a server.",
        )


async def _answer(connection: HttpConnection, request: bytes, until: float) -> tuple[Head, bytes]:
    try:
        connection.ask(request, most=_MOST_BYTES)
        return await connection.whole(until)
    finally:
        connection.leave()


def _said(body: bytes) -> str:
    """What an error reply says, for people."""
    try:
        found = orjson.loads(body)
        text = found["error"] if isinstance(found, dict) and "error" in found else found
    except ValueError:
        text = body.decode("utf-8", "replace")
    return " ".join(str(text).split())[:_SHOWN] or "nothing"
