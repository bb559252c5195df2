"""One request to the routes of OpenAI and Anthropic: who sends it, and what its headers ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from seatrial.gateway.chat.call import Call
from seatrial.gateway.routes.keys import Key
from seatrial.serving.codec.inflate import inflate
from seatrial.serving.exchange import BadInput, Request, shown
from seatrial.serving.flight import REQUEST_ID, request_id_of
from seatrial.web.llm.wires import Wire

TAGS = b"x-seatrial-tags"
TIMEOUT = b"x-seatrial-timeout"

_MAX_TAGS = 16
_TAG = re.compile(r"([A-Za-z0-9_.-]{1,64})=([\x21-\x2b\x2d-\x7e]{1,200})")


class Visit:
    """A request, as far as it got.

    Args:
        wire: whose client sends it.
    """

    __slots__ = ("call", "id", "key", "request", "wire")

    def __init__(self, request: Request, wire: Wire) -> None:
        self.request, self.wire = request, wire
        self.id = request_id_of(request.headers.get(REQUEST_ID))
        self.key: Key | None = None
        self.call: Call | None = None

    @property
    def secret(self) -> str | None:
        """The key it brings, as either client sends it."""
        headers = self.request.headers
        given = headers.get(b"x-api-key")
        if given is None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return None
        return given.strip().decode("latin-1") or None

    def body(self, max_bytes: int) -> object:
        """Its JSON, decompressed.   Raises: BadInput, BodyTooLarge, UnsupportedMedia."""
        body = self.request.body
        if (encoding := self.request.headers.get(b"content-encoding")) is not None:
            body = inflate(body, encoding, max_bytes)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadInput(
                f"The body is not JSON: {error.msg}.",
                remedy="Send one JSON object, as UTF-8.",
            ) from error

    def tags(self) -> Mapping[str, str]:
        """What costs are told apart by: ``x-seatrial-tags: team=search,app=faq``.

        Raises: BadInput.
        """
        given = self.request.headers.get(TAGS)
        if given is None:
            return {}
        pairs = [_TAG.fullmatch(part.strip()) for part in given.decode("latin-1").split(",")]
        if None in pairs or len(pairs) > _MAX_TAGS:
            raise BadInput(
                f"The header x-seatrial-tags is {shown(given.decode('latin-1'))}.",
                remedy=f"Write up to {_MAX_TAGS} tags as name=value, separated by commas.",
                field="x-seatrial-tags",
            )
        return {pair[1]: pair[2] for pair in pairs if pair is not None}

    def timeout_s(self) -> float | None:
        """How long the client waits, where it says so.   Raises: BadInput."""
        given = self.request.headers.get(TIMEOUT)
        if given is None:
            return None
        text = given.decode("latin-1")
        if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text) or float(text) == 0:
            raise BadInput(
                f"The header x-seatrial-timeout is {shown(text)}.",
                remedy="Write seconds, such as 30 or 0.5.",
                field="x-seatrial-timeout",
            )
        return float(text)
