"""What TensorFlow Serving's REST APIs share: the signature's name, and text as base64."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TypeVar

from seatrial.serving.exchange import BadInput, shown

SIGNATURE_NAME = "serving_default"
"""The one signature every model has."""

_KEY = "b64"

T = TypeVar("T")


def check_signature(name: str) -> None:
    """Refuse the name of another signature; none is the default.   Raises: BadInput."""
    if name not in (SIGNATURE_NAME, ""):
        raise BadInput(
            f"The model has no signature {shown(name)}.",
            remedy=f"Leave signature_name out or send {SIGNATURE_NAME!r}.",
            field="signature_name",
        )


def with_texts(body: bytes | memoryview, values: T) -> T:
    """JSON values with each ``{"b64": ...}`` as the text it encodes; the same where none is there.

    Args: body: the values were read from.
    Raises: BadInput: no base64, or not of UTF-8.
    """
    if b'"b64"' not in bytes(body):
        return values
    try:
        found: T = _decoded(values)  # type: ignore[assignment]
    except RecursionError as error:
        raise BadInput(
            "The body is nested too deeply.", remedy="Send rows as the signature has them."
        ) from error
    return found


def _decoded(value: object) -> object:
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_KEY} and isinstance(value[_KEY], str):
        return _text(value[_KEY])
    return {name: _decoded(one) for name, one in value.items()}


def _text(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadInput(
            f"{shown(encoded)} is not the base64 of a text: {error}.",
            remedy='Send {"b64": "..."} with the base64 of UTF-8, or the text itself; a '
            "picture is sent as its pixels.",
        ) from error
