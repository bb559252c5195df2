"""Width and height of an image, from the head of its file: PNG, JPEG, GIF, WebP."""

from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Final

HEAD_BYTES: Final = 262_144
"""As much of a file as is looked at; profiles may stand before the size of a JPEG."""

_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that say the size (ITU T.81, table B.1)."""
_LONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers of JPEG without a length."""


def size_of_base64(data: str) -> tuple[int, int] | None:
    """Width and height in pixels of an image given as base64; None where they cannot be read."""
    try:
        head = a2b_base64(data[: HEAD_BYTES // 3 * 4])
    except (Error, ValueError):
        return None
    return size_of(head)


def size_of(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels by the first bytes of a file."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return _positive(_big(head[16:20]), _big(head[20:24]))
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        return _positive(_little(head[6:8]), _little(head[8:10]))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp(head)
    if head.startswith(b"\xff\xd8"):
        return _jpeg(head)
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    """RFC 9649: lossy, lossless, extended."""
    form = head[12:16]
    if form == b"VP8 ":
        return _positive(_little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF)
    if form == b"VP8L":
        bits = _little(head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return _little(head[24:27]) + 1, _little(head[27:30]) + 1
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _LONE:
            at += 2
        elif marker in _SOF:
            return _positive(_big(head[at + 7 : at + 9]), _big(head[at + 5 : at + 7]))
        else:
            at += 2 + _big(head[at + 2 : at + 4])
    return None


def _positive(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width and height else None


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
