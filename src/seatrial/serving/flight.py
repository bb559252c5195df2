"""A prediction request on its way, and what its headers say besides the body."""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits
from typing import TYPE_CHECKING, Any

import msgspec

from seatrial.serving.exchange import BadInput, Reply, Request, shown

if TYPE_CHECKING:
    from seatrial.registry.signature import Batch
    from seatrial.serving.codec.dialect import Codec
    from seatrial.serving.live import LiveVersion
    from seatrial.serving.router import Pick

KEY = b"x-seatrial-key"
VERSION = b"x-seatrial-version"
MODEL = b"x-seatrial-model"
REQUEST_ID = b"x-request-id"


class Flight(msgspec.Struct, gc=False):
    """What is known of a prediction request so far; what is not is None.

    ``patience_s`` is set when the client waits for less than the server would.
    """

    request: Request
    started: float
    pick: Pick[LiveVersion] | None = None
    codec: Codec[Any] | None = None
    ask: Any = None
    batch: Batch | None = None
    patience_s: float | None = None


def forced_version(headers: Mapping[bytes, bytes]) -> int | None:
    """The version a tester asks for; None for whatever the split says.   Raises: BadInput."""
    given = headers.get(VERSION)
    if given is None:
        return None
    if given.isdigit() and len(given) <= 9:
        return int(given)
    raise BadInput(
        f"The header x-seatrial-version is {shown(given.decode('latin-1'))}.",
        remedy="Send the number of a loaded version, or leave the header out.",
        field="x-seatrial-version",
    )


def request_id_of(given: bytes | None) -> str:
    """The client's id if it can be sent back, else a new one."""
    if given and len(given) <= 200 and given.isascii():
        text = given.decode()
        if text.isprintable():
            return text
    return f"{getrandbits(128):032x}"  # told apart, not guarded: chance of the process is enough


def with_id(reply: Reply, request_id: str) -> Reply:
    """The reply, with the request's id among its headers."""
    return msgspec.structs.replace(
        reply, headers=(*reply.headers, (REQUEST_ID, request_id.encode()))
    )
