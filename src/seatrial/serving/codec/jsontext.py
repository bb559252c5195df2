"""Reading JSON bodies: strictly typed first, tolerant of NaN as Python's json module writes it.

A `Reader` knows several shapes of the same message, the strictest first. Lists of numbers that were
read as ``list[float]`` are proven to hold nothing else, so nobody has to look at each value again.
Of a key that appears twice in an object the last one counts.
"""

from __future__ import annotations

import json
import re
from typing import Generic, NoReturn, TypeVar

import msgspec

from seatrial.serving.exchange import BadInput

T = TypeVar("T")

_TOKENS = re.compile(rb"NaN|Infinity")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class Reader(Generic[T]):
    """Decodes a body as the first of several shapes it fits.

    Args:
        shapes: types msgspec can decode, the strictest first; all are forms of ``T``.
    """

    def __init__(self, *shapes: type[T]) -> None:
        self._shapes = shapes
        self._decoders = tuple(msgspec.json.Decoder(shape) for shape in shapes)

    def read(self, body: bytes | memoryview) -> tuple[T, int]:
        """The message, and the index of the shape it has.   Raises: BadInput."""
        last = len(self._decoders) - 1
        try:
            for index, decoder in enumerate(self._decoders):
                try:
                    return decoder.decode(body), index
                except msgspec.ValidationError:
                    if index == last:
                        raise
            raise AssertionError  # there is at least one shape
        except msgspec.ValidationError as error:
            _refuse(error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if isinstance(error, msgspec.DecodeError) and _TOKENS.search(body):
                return self._read_with_tokens(bytes(body)), last
            raise _malformed(error) from error

    def _read_with_tokens(self, body: bytes) -> T:
        try:
            message = json.loads(body)
            if b"\\u" in body:  # the json module lets lone surrogates pass
                json.dumps(message, ensure_ascii=False).encode()
            return msgspec.convert(message, self._shapes[-1])
        except msgspec.ValidationError as error:
            _refuse(error)
        except (ValueError, RecursionError) as error:
            raise _malformed(error) from error


def _refuse(error: msgspec.ValidationError) -> NoReturn:
    message = str(error)
    place = _PLACE.search(message)
    raise BadInput(
        f"The body has the wrong shape: {message}.",
        remedy="See /docs for the body this route reads.",
        **({"field": place[1]} if place else {}),
    ) from error


def _malformed(error: Exception) -> BadInput:
    why = {
        RecursionError: "it is nested too deeply",
        UnicodeDecodeError: "it is not UTF-8",
    }.get(type(error), str(error))
    return BadInput(f"The body is not JSON: {why}.", remedy="Send one JSON object, as UTF-8.")
