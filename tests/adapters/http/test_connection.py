"""One connection: what comes over it, and whether it may be asked again."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from seatrial.adapters.http.connection import Closed, HttpConnection, NotHttp, TooLong

REQUEST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
MOST = 100_000


class Talk:
    """A connection to a server that answers each request with the next of its replies."""

    def __init__(self, connection, freed, gone):
        self.connection, self.freed, self.gone = connection, freed, gone

    async def whole(self, *, within_s=10.0, most=MOST):
        self.connection.ask(REQUEST, most=most)
        return await self.connection.whole(self.until(within_s))

    async def streamed(self, *, within_s=10.0, most=MOST):
        self.connection.ask(REQUEST, most=most, streams=True)
        head = await self.connection.head(self.until(within_s))
        pieces = []
        while piece := await self.connection.piece(self.until(within_s)):
            pieces.append(piece)
        return head, b"".join(pieces)

    @staticmethod
    def until(within_s):
        return asyncio.get_running_loop().time() + within_s


@asynccontextmanager
async def talking(*replies: bytes, stays=True) -> AsyncIterator[Talk]:
    handlers = []

    async def answer(reader, writer):
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            for reply in replies:
                await reader.readexactly(len(REQUEST))
                writer.write(reply)
                await writer.drain()
            if stays:
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    freed, gone = [], []
    _, connection = await loop.create_connection(
        lambda: HttpConnection(loop, free=freed.append, gone=gone.append),
        *server.sockets[0].getsockname(),
    )
    async with server:
        yield Talk(connection, freed, gone)
        connection.close()
        await asyncio.gather(*handlers)
    assert gone == [connection]


def reply(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def chunked(*pieces: bytes, head=b"HTTP/1.1 200 OK\r\n", end=b"0\r\n\r\n") -> bytes:
    written = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + written + end


async def test_one_thing_after_the_other_goes_over_one_connection():
    async with talking(reply(b"one", b"X-A: 1"), chunked(b"tw", b"o"), reply(b"")) as talk:
        for body in (b"one", b"two", b""):
            head, found = await talk.whole()
            assert (head.status, found) == (200, body)
            talk.connection.leave()
        assert talk.freed == [talk.connection] * 3
        assert not talk.gone


async def test_heads_are_told_by_names_in_lower_case():
    async with talking(reply(b"", b"X-A: 1", b"Content-Type: Application/JSON; charset=x")) as talk:
        head, _ = await talk.whole()
        assert (head.headers["x-a"], head.content_type) == ("1", "application/json")


async def test_a_reply_below_200_announces_another():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with talking(b"HTTP/1.1 100 Continue\r\n\r\n" + early + reply(b"late")) as talk:
        head, body = await talk.whole()
        assert (head.status, body, "link" in head.headers) == (200, b"late", False)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("coding", "written"),
    [(b"gzip", gzip.compress(b"a" * 5000, mtime=0)), (b"deflate", zlib.compress(b"a" * 5000))],
)
async def test_what_is_compressed_though_nobody_asked_is_read(coding, written, streams):
    async with talking(reply(written, b"Content-Encoding: " + coding)) as talk:
        _, body = await (talk.streamed() if streams else talk.whole())
        assert body == b"a" * 5000


async def test_what_compresses_too_well_is_too_long():
    async with talking(
        reply(gzip.compress(b"a" * 10**6, mtime=0), b"Content-Encoding: gzip")
    ) as talk:
        with pytest.raises(TooLong):
            await talk.whole(most=1000)


@pytest.mark.parametrize(
    ("raw", "stays", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", True, NotHttp),
        (b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"y" * 70_000), True, NotHttp),
        (reply(b"x" * 50, b"Content-Encoding: gzip"), True, NotHttp),
        (reply(b"x" * (MOST + 1)), True, TooLong),
        (b"", False, Closed),
        (reply(b"x" * 50)[:-10], False, Closed),
        (chunked(b"abc", end=b""), False, Closed),
    ],
)
async def test_what_is_no_whole_reply(raw, stays, kind):
    async with talking(raw, stays=stays) as talk:
        with pytest.raises(kind):
            await talk.whole()
        talk.connection.leave()
        assert not talk.freed


@pytest.mark.parametrize("streams", [False, True])
async def test_a_body_without_a_length_ends_with_its_connection(streams):
    async with talking(b"HTTP/1.1 200 OK\r\n\r\nall of it", stays=False) as talk:
        _, body = await (talk.streamed() if streams else talk.whole())
        assert body == b"all of it"
        talk.connection.leave()
        assert not talk.freed


@pytest.mark.parametrize(
    "raw",
    [reply(b"x", b"Connection: close"), reply(b"x") + reply(b"more"), b"HTTP/1.0" + reply(b"")[8:]],
)
async def test_who_ends_or_says_too_much_is_not_asked_again(raw):
    async with talking(raw) as talk:
        head, _ = await talk.whole()
        assert head.status == 200
        talk.connection.leave()
        assert not talk.freed
        assert talk.connection.closing


async def test_who_speaks_unasked_is_not_asked_again():
    async with talking(reply(b"x")) as talk:
        await talk.whole()
        talk.connection.leave()
        talk.connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert talk.connection.closing


@pytest.mark.parametrize("ask", ["whole", "streamed"])
async def test_nothing_is_waited_for_beyond_the_time(ask):
    async with talking(b"") as talk:
        with pytest.raises(TimeoutError):
            await getattr(talk, ask)(within_s=0.01)
        talk.connection.leave()
        assert talk.connection.closing


@pytest.mark.parametrize(("first_s", "then_s"), [(10.0, 0.05), (0.05, 0.2)])
async def test_each_is_waited_for_as_long_as_it_says_whatever_the_one_before_said(first_s, then_s):
    async with talking(reply(b"x"), b"") as talk:
        await talk.whole(within_s=first_s)
        talk.connection.leave()
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await talk.whole(within_s=then_s)
        assert then_s - 0.01 <= asyncio.get_running_loop().time() - began < 5.0


async def test_what_was_waited_for_before_ends_no_later_wait():
    async with talking(reply(b"x"), b"") as talk:
        await talk.whole(within_s=0.05)
        talk.connection.leave()
        later = asyncio.ensure_future(talk.whole(within_s=10.0))
        await asyncio.wait({later}, timeout=0.2)
        assert not later.done()
        later.cancel()


async def test_a_stream_that_nobody_reads_is_left_to_the_socket():
    piece = b"x" * 50_000
    async with talking(chunked(*[piece] * 400)) as talk:
        connection = talk.connection
        connection.ask(REQUEST, most=MOST * 10, streams=True)
        await connection.head(talk.until(10))
        await asyncio.sleep(0.2)
        size = len(await connection.piece(talk.until(10)))
        assert size < 1_000_000  # of 20 MB
        while more := await connection.piece(talk.until(10)):
            size += len(more)
        assert size == len(piece) * 400
        connection.leave()
        assert talk.freed


async def test_the_rest_of_a_stream_may_still_come():
    async with talking(chunked(b"last", end=b"")) as talk:
        connection = talk.connection
        connection.ask(REQUEST, most=MOST, streams=True)
        assert await connection.piece(talk.until(10)) == b"last"
        connection.leave(within_s=10)
        assert not talk.freed
        connection.data_received(b"0\r\n\r\n")
        assert talk.freed == [connection]


async def test_who_does_not_end_a_stream_in_time_is_not_asked_again():
    async with talking(chunked(b"last", end=b"")) as talk:
        connection = talk.connection
        connection.ask(REQUEST, most=MOST, streams=True)
        await connection.piece(talk.until(10))
        connection.leave(within_s=0.01)
        await asyncio.sleep(0.05)
        assert (talk.freed, connection.closing) == ([], True)
