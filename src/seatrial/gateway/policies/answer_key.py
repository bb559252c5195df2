"""Under which key the answer to a request is kept: a digest of all that can change it.

In it are the tenant, the route, the request as it is understood here, and of its raw forms all that
is not read here: a parameter the gateway has never heard of keeps two requests apart. The order of
the keys of objects is not in it, nor whether a stream is wanted, nor who the end user is. Two
requests in different dialects have different keys, since their answers may carry different fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter, is_

import msgspec

from seatrial.gateway.chat.messages import Message
from seatrial.gateway.chat.request import ChatRequest, DialectName, EmbeddingRequest, Tool

KEY_VERSION = 2
"""Raised when the same request gets another key, so that no old answer is taken for a new one."""

_CANONICAL = msgspec.msgpack.Encoder(order="deterministic")
_SILENT = frozenset({"stream", "user"})


def _fields_of(kind: type[msgspec.Struct], *silent: str) -> attrgetter[tuple[object, ...]]:
    """Gives all fields of a request in their order, but those: its raw form has a place of its own
    in the key."""
    names = [name for name in kind.__struct_fields__ if name not in (*silent, "raw")]
    return attrgetter(*names)


_OF_CHAT = _fields_of(ChatRequest, "stream", "include_usage", "user")
_OF_EMBEDDING = _fields_of(EmbeddingRequest, "user")
_RAW = attrgetter("raw")


def chat_key(request: ChatRequest, *, tenant: str, route: str) -> str | None:
    """The key of a chat, 64 hexadecimal digits.

    Args:
        request: with the model as the caller named it.
        tenant: whose answers may be shared.
        route: what stands behind that name now; answers of a route that was pointed elsewhere are
            not found again.
    Returns: None for a request that cannot be written canonically, such as one with half a
        surrogate pair in a text or a number beyond 64 bits.
    """
    return _digest("chat", tenant, route, _OF_CHAT(request), _unread(request))


def embedding_key(request: EmbeddingRequest, *, tenant: str, route: str) -> str | None:
    """The key of an embedding; see `chat_key`."""
    raw = None if request.raw is None else _without(request.raw, _SILENT)
    return _digest("embed", tenant, route, _OF_EMBEDDING(request), raw)


def _digest(
    kind: str, tenant: str, route: str, read: tuple[object, ...], raw: dict[str, object] | None
) -> str | None:
    try:
        canonical = _CANONICAL.encode((KEY_VERSION, kind, tenant, route, read, raw))
    except (TypeError, ValueError, OverflowError):
        return None
    return sha256(canonical).hexdigest()


def _unread(request: ChatRequest) -> dict[str, object] | None:
    if request.raw is None:
        return None
    rest = _without(request.raw, _SILENT)
    _leave_out(rest, "messages", request.messages)
    if "tools" in rest:
        _leave_out(rest, "tools", request.tools)
    if "stream_options" in rest:
        _lessen(rest, "stream_options", "include_usage")
    if request.dialect is DialectName.ANTHROPIC:
        _lessen(rest, "metadata", "user_id")
    return rest


def _leave_out(body: dict[str, object], name: str, read: Sequence[Message | Tool]) -> None:
    """Raw forms that are in the key with what was read from them: not a second time."""
    items = body.get(name)
    if not isinstance(items, list):
        return
    raws = list(map(_RAW, read))
    if len(items) == len(raws) and all(map(is_, items, raws)):  # as with most
        body[name] = [None] * len(items)
    else:
        seen = set(map(id, raws))
        body[name] = [None if id(item) in seen else item for item in items]


def _lessen(body: dict[str, object], name: str, silent: str) -> None:
    held = body.get(name)
    if not isinstance(held, Mapping) or silent not in held:
        return
    body[name] = _without(held, (silent,))
    if not body[name]:
        del body[name]


def _without(held: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    rest = dict(held)
    for name in names:
        rest.pop(name, None)
    return rest
