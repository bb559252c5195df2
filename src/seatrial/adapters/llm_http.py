"""The way to one vendor of models over HTTP: kept connections, bounds on time and size, and every
trouble told as the `ProviderFailure` it is.

Only the configured address is asked; redirects are not followed, proxies of the environment not
used, cookies not kept, and no header of a client goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from seatrial.adapters.llm_connector import connector
from seatrial.adapters.llm_endpoint import Endpoint
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
from seatrial.kernel.errors import MissingExtra, SeatrialError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

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
        try:
            from aiohttp import ClientTimeout
        except ImportError:
            raise MissingExtra("aiohttp", "gateway") from None
        self._endpoint = endpoint
        self._now = now
        self._wall = wall
        self._session: ClientSession | None = None
        self._timeout = ClientTimeout(total=None, connect=endpoint.limits.connect_s)
        self._urls: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Of the provider, as configured."""
        return self._endpoint.name

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, path: str, body: Mapping[str, Any], call: Call) -> Any:
        """What the JSON of a reply gives.   Raises: ProviderFailure."""
        until = self._until(call)
        with self._translated():
            async with asyncio.timeout_at(until):
                response = await self._sent(path, body, call)
                try:
                    raw = await self._whole(response)
                finally:
                    response.release()
        if not 200 <= response.status < 300:
            raise self._refusal(response.status, response.headers, _parsed(raw))
        if "json" not in response.content_type:
            raise self.unreadable(f"is {response.content_type}, not JSON")
        found = _parsed(raw)
        if found is None:
            raise self.unreadable(f"is no JSON: {_shown(raw)}")
        if isinstance(found, dict) and found.get("error"):
            raise self._refusal(response.status, response.headers, found)
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
        until = self._until(call)
        with self._translated():
            async with asyncio.timeout_at(until):
                response = await self._sent(path, body, call)
        try:
            await self._stream_or_raise(response, until)
            parser = EventParser(self._endpoint.limits.max_reply_bytes)
            async with aclosing(self._pieces(response, until)) as pieces:
                async for data in pieces:
                    for event in parser.feed(data):
                        yield event
                        if is_last(event):
                            await _drained(response)
                            return
            if (left := parser.end()) is not None:
                yield left
        except RequestInvalid as broken:
            raise self.unreadable(f"is no stream of events: {broken.problem}") from broken
        finally:
            # A connection whose body is not read to its end cannot be used again, and is closed.
            response.release()

    async def _pieces(self, response: ClientResponse, until: float) -> AsyncGenerator[bytes, None]:
        loop, content = asyncio.get_running_loop(), response.content
        limit, begun = until, False
        while True:
            with self._translated(begun=begun):
                async with asyncio.timeout_at(limit):
                    data = await content.readany()
            if not data:
                return
            yield data
            begun, limit = True, min(until, loop.time() + self._endpoint.limits.idle_s)

    def _until(self, call: Call) -> float:
        """The deadline on the clock of the loop.   Raises: Unreachable: it is over already."""
        left_s = call.deadline - self._now()
        if left_s <= 0:
            raise Unreachable(
                f"No time was left to ask the provider {self.name!r}.",
                remedy="Give the call a later deadline.",
                provider=self.name,
            )
        return asyncio.get_running_loop().time() + left_s

    async def _sent(self, path: str, body: Mapping[str, Any], call: Call) -> ClientResponse:
        session, limits = self._opened(), self._endpoint.limits
        timeout = self._timeout
        left_s = call.deadline - self._now()
        if left_s < limits.connect_s:
            # So that the end of the deadline is told from a request that was sent.
            from aiohttp import ClientTimeout

            timeout = ClientTimeout(total=None, connect=max(0.001, left_s * 0.9))
        url = self._urls.get(path)
        if url is None:
            from yarl import URL

            url = self._urls[path] = URL(self._endpoint.url(path), encoded=True)
        return await session.post(url, data=_written(body), timeout=timeout, allow_redirects=False)

    def _opened(self) -> ClientSession:
        if self._session is None:
            import aiohttp

            keep_s = self._endpoint.limits.keep_alive_s
            self._session = aiohttp.ClientSession(
                connector=connector(keepalive_timeout=keep_s),
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "seatrial",
                    **self._endpoint.headers,
                },
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _whole(self, response: ClientResponse) -> bytes:
        most = self._endpoint.limits.max_reply_bytes
        if (response.content_length or 0) > most:
            raise self.unreadable(f"is longer than {most} bytes")
        content = response.content
        raw = await content.readany()
        if not content.at_eof():
            pieces, size = [raw], len(raw)
            while data := await content.readany():
                pieces.append(data)
                size += len(data)
                if size > most:
                    raise self.unreadable(f"is longer than {most} bytes")
            raw = b"".join(pieces)
        if len(raw) > most:
            raise self.unreadable(f"is longer than {most} bytes")
        return raw

    async def _stream_or_raise(self, response: ClientResponse, until: float) -> None:
        if 200 <= response.status < 300:
            if response.content_type == "text/event-stream":
                return
            if "json" not in response.content_type:
                raise self.unreadable(f"is {response.content_type}, not a stream of events")
        with self._translated():
            async with asyncio.timeout_at(until):
                raw = await self._whole(response)
        found = _parsed(raw)
        if response.status < 300 and not (isinstance(found, dict) and found.get("error")):
            raise self.unreadable("is whole, though a stream was asked for")
        raise self._refusal(response.status, response.headers, found)

    def _refusal(self, status: int, headers: Mapping[str, str], body: Any) -> ProviderFailure:
        if 300 <= status < 400:
            return ProviderFailure(
                f"The provider {self.name!r} answered {status}, which points elsewhere.",
                remedy="Set its base URL to where it points, if you trust that.",
                provider=self.name,
                status=status,
            )
        return failure_of(self.name, status, headers, body, wall_s=self._wall())

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

    @contextmanager
    def _translated(self, *, begun: bool = False) -> Iterator[None]:
        """Tell what the client's library raises as the failure it is.

        Args: begun: whether a part of the answer was given.
        """
        try:
            yield
        except TimeoutError as late:
            self._too_late(late, begun=begun)
        except SeatrialError:
            raise
        except Exception as broken:  # noqa: BLE001 the border: aiohttp's errors have many parents
            self._broken(broken, begun=begun)

    def _too_late(self, late: TimeoutError, *, begun: bool) -> NoReturn:
        from aiohttp import ConnectionTimeoutError

        if isinstance(late, ConnectionTimeoutError):
            self._unreachable(late)
        when = "went silent in the middle of its answer" if begun else "did not answer in time"
        raise TimedOut(
            f"The provider {self.name!r} {when}.",
            remedy="Give it more time, ask for fewer tokens, or use another provider.",
            provider=self.name,
        ) from late

    def _unreachable(self, error: Exception) -> NoReturn:
        raise Unreachable(
            f"The provider {self.name!r} cannot be reached ({type(error).__name__}).",
            remedy="See whether its base URL is right and it is up.",
            provider=self.name,
        ) from error

    def _broken(self, error: Exception, *, begun: bool) -> NoReturn:
        from aiohttp import ClientConnectorError, ClientError, ClientPayloadError
        from aiohttp.client_exceptions import ClientResponseError, ServerDisconnectedError

        if isinstance(error, ClientConnectorError):
            self._unreachable(error)
        if isinstance(error, ClientPayloadError):
            raise self.cut("its body ended early") from error
        if isinstance(error, ClientResponseError):
            raise self.unreadable("is not HTTP") from error
        if isinstance(error, ServerDisconnectedError | OSError | ClientError):
            if begun:
                raise self.cut("the connection was lost") from error
            raise ConnectionLost(
                f"The provider {self.name!r} closed the connection before it answered.",
                remedy="Ask again.",
                provider=self.name,
            ) from error
        raise error


async def _drained(response: ClientResponse) -> None:
    """Read the end of a body whose answer is whole, so that its connection can be used again."""
    from aiohttp import ClientError

    with suppress(TimeoutError, ClientError):
        async with asyncio.timeout(_DRAIN_S):
            while await response.content.readany():
                pass


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
