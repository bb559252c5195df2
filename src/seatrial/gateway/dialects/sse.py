"""Server-sent events: a parser that takes bytes in any cuts, and writers.

Source: WHATWG HTML, 9.2 Server-sent events. Of its fields ``id`` and ``retry`` are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from seatrial.gateway.dialects.fields import RequestInvalid

MAX_EVENT_BYTES = 8 * 1024 * 1024
DONE = b"data: [DONE]\n\n"
"""What ends a stream of OpenAI."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event.

    Args:
        name: "" where none is given.
        data: its lines, joined by line feeds.
    """

    name: str
    data: bytes


class EventParser:
    """Finds the events in the bytes of one stream.

    Args: max_bytes: of one event, its name and comments included; > 0.
    """

    __slots__ = ("_after_return", "_begun", "_data", "_max_bytes", "_name", "_rest", "_size")

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._data: list[bytes] = []
        self._name = ""
        self._size = 0
        self._after_return = False
        self._begun = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that end with these bytes.   Raises: RequestInvalid: one is too big."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
            self._after_return = False
        if b"\r" in data:
            self._after_return = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif data:
            self._after_return = False
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if not self._begun:
            self._drop_mark(lines)
        found = [event for line in lines if (event := self._line(line)) is not None]
        self._check(self._size + len(self._rest))
        return found

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise RequestInvalid(
                f"An event of a stream is longer than {self._max_bytes} bytes.",
                remedy="See what the server sends.",
                place="",
            )

    def end(self) -> Event | None:
        """The event that the end of the stream leaves without the empty line it should end with."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""
        return self._line(b"")

    def _drop_mark(self, lines: list[bytes]) -> None:
        if lines:
            lines[0] = lines[0].removeprefix(_BOM)
            self._begun = True

    def _line(self, line: bytes) -> Event | None:
        if not line:
            name, data = self._name, b"\n".join(self._data)
            self._data, self._name, self._size = [], "", 0
            return Event(name, data) if data else None
        self._size += len(line)
        self._check(self._size)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None


def data_event(body: Mapping[str, object]) -> bytes:
    """An event without a name, as OpenAI sends them."""
    return b"data: %b\n\n" % orjson.dumps(body)


def named_event(name: str, body: Mapping[str, object]) -> bytes:
    """An event with a name, as Anthropic sends them."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(body))
