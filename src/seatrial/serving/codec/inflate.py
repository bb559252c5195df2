"""Compressed bodies, decompressed within a bound."""

from __future__ import annotations

import zlib

from seatrial.serving.exchange import BadInput, BodyTooLarge, UnsupportedMedia

_WINDOWS = {
    b"gzip": (zlib.MAX_WBITS | 16,),
    b"x-gzip": (zlib.MAX_WBITS | 16,),
    # HTTP's deflate is the zlib format; some clients send the bare stream.
    b"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


def inflate(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body that ``content-encoding: encoding`` stands for.

    Args:
        limit: of the result in bytes; never is more than that held.
    Raises: UnsupportedMedia, BodyTooLarge, BadInput (damaged or cut off).
    """
    encoding = encoding.strip().lower()
    if encoding in (b"", b"identity"):
        return body
    windows = _WINDOWS.get(encoding)
    if windows is None:
        raise UnsupportedMedia(
            f"The content encoding {encoding.decode('latin-1')!r} is not known.",
            remedy="Send the body as gzip, deflate or uncompressed.",
            field="content-encoding",
        )
    for window in windows:
        stream = zlib.decompressobj(window)
        try:
            plain = stream.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(plain) > limit:
            raise BodyTooLarge(limit)
        if stream.eof and not stream.unused_data:
            return plain
    raise BadInput(
        f"The body is not one whole {encoding.decode()} stream.",
        remedy="Compress the whole body once, or send it uncompressed.",
        field="content-encoding",
    )
