"""Requests and replies of OpenAI's embeddings."""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from typing import Any

from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.chat.response import Embeddings
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.usage import read_openai_usage


def read_embedding_request(body: object) -> EmbeddingRequest:
    """Texts to turn into vectors, as a client of OpenAI sends them.

    An input of token ids, which some clients make of a text themselves, is read as their numbers
    in a row: at least as many tokens, and passed on as it came.

    Raises: RequestInvalid.
    """
    given = fields.mapping(body, "")
    coding = fields.optional_text(given, "encoding_format")
    if coding not in (None, "float", "base64"):
        raise fields.wrong("encoding_format", coding, "float or base64")
    return EmbeddingRequest(
        model=fields.named(given, "model"),
        inputs=_inputs(given),
        dimensions=fields.optional_count(given, "dimensions"),
        user=fields.optional_text(given, "user"),
        raw=given,
    )


def _inputs(body: Body) -> tuple[str, ...]:
    value = body.get("input")
    if type(value) is str:
        return (value,)
    given = fields.filled(body, "input")
    if type(given[0]) is int:
        return (_ids(given, "input"),)
    return tuple(
        entry if type(entry) is str else _ids(entry, f"input[{n}]") for n, entry in enumerate(given)
    )


def _ids(value: object, place: str) -> str:
    if type(value) is not list or not value or not all(type(entry) is int for entry in value):
        raise fields.wrong(place, value, "a text or a list of token ids")
    return " ".join(map(str, value))


def write_embedding_request(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for a provider."""
    body: dict[str, Any] = dict(request.raw) if request.raw is not None else {}
    body["model"] = request.model
    if request.raw is None or request.inputs != _inputs(body):
        body["input"] = list(request.inputs)
    for name, value in (("dimensions", request.dimensions), ("user", request.user)):
        if value != body.get(name):
            body[name] = value
    return body


def read_embeddings(body: object) -> Embeddings:
    """Vectors in the order of the inputs, whatever order they came in.   Raises: RequestInvalid."""
    given = fields.mapping(body, "")
    found: dict[int, tuple[float, ...]] = {}
    for n, entry in enumerate(fields.filled(given, "data")):
        item = fields.mapping(entry, f"data[{n}]")
        index = item.get("index")
        vector = _vector(item.get("embedding"), f"data[{n}].embedding")
        found[index if type(index) is int else n] = vector
    if sorted(found) != list(range(len(given["data"]))):
        raise fields.wrong("data", sorted(found), "one vector for each index from 0")
    return Embeddings(
        model=fields.optional_text(given, "model") or "",
        vectors=tuple(found[n] for n in range(len(found))),
        usage=read_openai_usage(given.get("usage")),
        raw=given,
    )


def _vector(value: object, place: str) -> tuple[float, ...]:
    if type(value) is list:
        return tuple(value)
    if type(value) is str:
        try:
            numbers = array("f", base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            raise fields.wrong(
                place, value, "a list of numbers, or their bytes in base64"
            ) from None
        if sys.byteorder == "big":
            numbers.byteswap()
        return tuple(numbers)
    raise fields.wrong(place, value, "a list of numbers, or their bytes in base64")


def write_embeddings(embeddings: Embeddings, *, in_base64: bool) -> dict[str, Any]:
    """The reply for a client.

    Args: in_base64: whether the client asked for ``encoding_format: base64``, as OpenAI's does.
    """
    raw = dict(embeddings.raw) if embeddings.raw is not None else {}
    body: dict[str, Any] = {**raw, "object": "list", "model": embeddings.model}
    body["data"] = [
        {
            "object": "embedding",
            "index": n,
            "embedding": _coded(vector) if in_base64 else list(vector),
        }
        for n, vector in enumerate(embeddings.vectors)
    ]
    if embeddings.usage is not None and "usage" not in raw:
        given = embeddings.usage.input_tokens
        body["usage"] = {"prompt_tokens": given, "total_tokens": given}
    return body


def _coded(vector: tuple[float, ...]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
