"""Requests that wish for another protocol: the wish is ignored (RFC 9110, section 7.8).

The parser takes what follows such a head for the other protocol, whatever its content-length says.
So it is given the head once more without the wish, and then what followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WISH = frozenset({b"upgrade", b"http2-settings"})


def without_wish(
    method: bytes, url: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """The head of a request as if it had not asked for another protocol.

    Args:
        url: as sent.
        version: of HTTP, such as ``1.1``.
        headers: names in lower case.
    """
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    for name, value in headers:
        if name in _WISH:
            continue
        kept = _other_options(value) if name == b"connection" else value
        lines.append(b"%b: %b" % (name, kept))
    return b"\r\n".join([*lines, b"", b""])


def parser_of(protocol: HttpToolsProtocol) -> Any:
    """A parser as uvicorn makes it, to begin again with."""
    parser = httptools.HttpRequestParser(protocol)
    # What follows the last request of a connection is ignored, and no reason to refuse that one.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _other_options(value: bytes) -> bytes:
    options = [option.strip() for option in value.split(b",")]
    return b", ".join(option for option in options if option.lower() not in _WISH)
