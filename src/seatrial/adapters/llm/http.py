"""The way to one vendor of models over HTTP: kept connections, bounds on time and size, and every
trouble told as the `ProviderFailure` it is.

Only the configured address is asked; redirects are not followed, proxies of the environment not
used, cookies not kept, and no header of a client goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from seatrial.adapters.http.connection import (
    Broken,
    Closed,
    Head,
    HttpConnection,
    NotHttp,
    TooLong,
)
from seatrial.adapters.http.pool import HttpPool, NotConnected
from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    ProviderFailure,
    StreamCut,
    TimedOut,
    Unreachable,
)
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.refusal import failure_of
from seatrial.gateway.dialects.sse import Event, EventParser

_DRAIN_S = 1.0
"""How long the end of a body is waited for after the answer is whole, to keep the connection."""


class HttpVendor:
    """Kept connections to one vendor.

    Args:
        endpoint: where it is.
        now: monotonic seconds, the clock of `Call.deadline`.
        wall: seconds since 1970.
    Raises: MissingExtra.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        limits = endpoint.limits
        self._pool = HttpPool(
            endpoint.base_url, connect_s=limits.connect_s, keep_alive_s=limits.keep_alive_s
        )
        self._endpoint = endpoint
        self._now = now
        self._wall = wall
        self._heads: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """Of the provider, as configured."""
        return self._endpoint.name

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.close()

    async def post(self, path: str, body: Mapping[str, Any], call: Call) -> Any:
        """What the JSON of a reply gives.   Raises: ProviderFailure."""
        connection, until = await self._asked(path, body, call)
        try:
            head, raw = await connection.whole(until)
        except (Broken, TimeoutError) as error:
            raise self._failure(error, connection) from error
        finally:
            connection.leave()
        found = _parsed(raw)
        if not 200 <= head.status < 300:
            raise self._refusal(head, found)
        if "json" not in head.content_type:
            raise self.unreadable(f"is {head.content_type or 'of no told kind'}, not JSON")
        if found is None:
            raise self.unreadable(f"is no JSON: {_shown(raw)}")
        if isinstance(found, dict) and found.get("error"):
            raise self._refusal(head, found)
        return found

    async def events(
        self,
        path: str,
        body: Mapping[str, Any],
        call: Call,
        *,
        is_last: Callable[[Event], bool],
    ) -> AsyncGenerator[Event, None]:
        """The events of a stream, to the last one or the end of a body in good order.

        Whoever stops before closes the generator, which ends the request.

        Raises: ProviderFailure; StreamCut for a body that does not end in good order.
        """
        connection, until = await self._asked(path, body, call, streams=True)
        parser, limits = EventParser(self._endpoint.limits.max_reply_bytes), self._endpoint.limits
        clock = connection.loop.time
        begun, ended = False, False
        try:
            head = await connection.head(until)
            if not (200 <= head.status < 300 and head.content_type == "text/event-stream"):
                raise await self._no_stream(connection, head, until)
            limit = until
            while data := await connection.piece(limit):
                begun, limit = True, min(until, clock() + limits.idle_s)
                for event in parser.feed(data):
                    ended = is_last(event)
                    yield event
                    if ended:
                        return
            if (left := parser.end()) is not None:
                yield left
        except RequestInvalid as broken:
            raise self.unreadable(f"is no stream of events: {broken.problem}") from broken
        except (Broken, TimeoutError) as error:
            raise self._failure(error, connection, begun=begun) from error
        finally:
            connection.leave(within_s=_DRAIN_S if ended else 0.0)

    async def _asked(
        self, path: str, body: Mapping[str, Any], call: Call, *, streams: bool = False
    ) -> tuple[HttpConnection, float]:
        """A connection over which the request was sent, and the deadline on the clock of its loop.

        Raises: Unreachable; RequestInvalid.
        """
        left_s = call.deadline - self._now()
        if left_s <= 0:
            raise Unreachable(
                f"No time was left to ask the provider {self.name!r}.",
                remedy="Give the call a later deadline.",
                provider=self.name,
            )
        content = _written(body)
        connection = self._pool.take()
        if connection is None:
            until = asyncio.get_running_loop().time() + left_s
            try:
                connection = await self._pool.connect(until)
            except NotConnected as error:
                raise self._unreachable(error.__cause__ or error) from error
        else:
            until = connection.loop.time() + left_s
        head = self._heads.get(path) or self._head(path)
        most = self._endpoint.limits.max_reply_bytes
        connection.ask(
            b"%b%d\r\n\r\n%b" % (head, len(content), content), most=most, streams=streams
        )
        return connection, until

    def _head(self, path: str) -> bytes:
        """All of a request's head but the length of what follows."""
        parts = urlsplit(self._endpoint.url(path))
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "seatrial",
            **self._endpoint.headers,
        }
        lines = [
            f"POST {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._heads[path] = head = "\r\n".join([*lines, "Content-Length: "]).encode()
        return head

    async def _no_stream(
        self, connection: HttpConnection, head: Head, until: float
    ) -> ProviderFailure:
        """Why the reply is none.   Raises: TimeoutError; Broken."""
        good = 200 <= head.status < 300
        if good and "json" not in head.content_type:
            kind = head.content_type or "of no told kind"
            return self.unreadable(f"is {kind}, not a stream of events")
        pieces, size = [], 0
        while data := await connection.piece(until):
            pieces.append(data)
            size += len(data)
            if size > self._endpoint.limits.max_reply_bytes:
                raise TooLong
        found = _parsed(b"".join(pieces))
        if good and not (isinstance(found, dict) and found.get("error")):
            return self.unreadable("is whole, though a stream was asked for")
        return self._refusal(head, found)

    def _refusal(self, head: Head, body: Any) -> ProviderFailure:
        status = head.status
        if 300 <= status < 400:
            return ProviderFailure(
                f"The provider {self.name!r} answered {status}, which points elsewhere.",
                remedy="Set its base URL to where it points, if you trust that.",
                provider=self.name,
                status=status,
            )
        return failure_of(self.name, status, head.headers, body, wall_s=self._wall())

    def told_within(self, body: Any) -> ProviderFailure:
        """The failure for an error that a stream tells in one of its events."""
        return failure_of(self.name, 200, {}, body, wall_s=self._wall())

    def unreadable(self, what: str) -> BadReply:
        """The failure for a reply that is not what it should be."""
        return BadReply(
            f"The reply of the provider {self.name!r} {what}.",
            remedy="See whether its base URL and kind are right.",
            provider=self.name,
        )

    def cut(self, why: str, cause: ProviderFailure | None = None) -> StreamCut:
        """The failure for an answer that broke off after it had begun.

        Args: why: a clause; cause: the trouble it was, whose status and wish to wait are kept.
        """
        return StreamCut(
            f"The answer of the provider {self.name!r} broke off: {why.removesuffix('.')}.",
            remedy="Ask again; what came is not the whole.",
            provider=self.name,
            status=cause.status if cause else None,
            retry_after_s=cause.retry_after_s if cause else None,
            body=cause.body if cause else None,
            cause=cause.code if cause else None,
        )

    def _failure(
        self, error: Broken | TimeoutError, connection: HttpConnection, *, begun: bool = False
    ) -> ProviderFailure:
        """What became of an exchange.

        Args: begun: whether a part of the answer was given.
        """
        match error:
            case TooLong():
                return self.unreadable(
                    f"is longer than {self._endpoint.limits.max_reply_bytes} bytes"
                )
            case NotHttp():
                return self.unreadable(f"is not HTTP: {error}")
            case Closed() if connection.told is not None:
                return self.cut("its body ended early")
            case Closed():
                return ConnectionLost(
                    f"The provider {self.name!r} closed the connection before it answered.",
                    remedy="Ask again.",
                    provider=self.name,
                )
            case _:
                how = (
                    "went silent in the middle of its answer" if begun else "did not answer in time"
                )
                return TimedOut(
                    f"The provider {self.name!r} {how}.",
                    remedy="Give it more time, ask for fewer tokens, or use another provider.",
                    provider=self.name,
                )

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(
            f"The provider {self.name!r} cannot be reached ({type(error).__name__}).",
            remedy="See whether its base URL is right and it is up.",
            provider=self.name,
        )


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError as broken:
        raise RequestInvalid(
            f"The request cannot be written as JSON: {broken}.",
            remedy="Take out what JSON has no form for, such as half a surrogate pair, and what is "
            "nested some hundred deep.",
            place="",
        ) from broken


def _parsed(raw: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


def _shown(raw: bytes) -> str:
    return repr(raw[:80].decode("utf-8", "replace")) if raw else "it is empty"
