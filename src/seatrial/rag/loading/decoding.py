"""From bytes to text: which encoding, by what policy. Newlines and characters stay as they are.

A byte order mark decides; else UTF-16 where zero bytes show it; else UTF-8 if every byte agrees;
else what a detector says of the older encodings. A text that is UTF-8 but for a few bytes is
damaged, not Latin: it is refused, or read with U+FFFD where that was asked for.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from seatrial.rag.loading.outcome import Reason, Unloadable

Detect: TypeAlias = Callable[[bytes], str | None]
"""The encoding of a text, of which it sees the beginning, by Python's name; None: it cannot tell.

Raises: Unloadable, where it cannot run.
"""

_MARKS = (  # the longer ones first: that of UTF-32-LE begins with that of UTF-16-LE
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 1 << 16
_RARE = 8
"""UTF-16 of ASCII has one zero byte in two; of other scripts it is no UTF-8."""
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_COMMON = re.compile("[\\n\\r\\t ,.，。、的]")
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_FOREIGN = re.compile(rb"[\x80-\xff]")


class Decoded(NamedTuple):
    """A text and the encoding it was read in, by Python's name."""

    text: str
    encoding: str


def decoded(
    content: bytes, detect: Detect, *, encoding: str | None = None, replace: bool = False
) -> Decoded:
    """The text of a file.

    Args:
        encoding: where it is known; None: to be found out.
        replace: put U+FFFD where bytes are wrong, instead of refusing.
    Raises: Unloadable (wrong encoding, binary).
    """
    errors = "replace" if replace else "strict"
    for mark, name in _MARKS:
        if content.startswith(mark) and encoding in (None, name, "utf-16", "utf-32"):
            return _checked(_strict(content[len(mark) :], name, errors), name)
    if encoding is not None:
        return _checked(_strict(content, encoding, errors), encoding)
    if content.find(b"\0", 0, _HEAD) >= 0:
        return _wide(content, errors)
    try:
        return _checked(content.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        wrong_at = error.start
    if _mostly_utf8(content):
        if replace:
            return _checked(content.decode("utf-8", "replace"), "utf-8")
        raise _wrong("UTF-8", wrong_at)
    found = detect(_head(content))
    if found is None:
        raise Unloadable(
            f"is not UTF-8 (byte {wrong_at} is wrong), and no other encoding fits.",
            remedy="Save it as UTF-8, or name its encoding with encoding.",
            reason=Reason.WRONG_ENCODING,
        )
    return _checked(_strict(content, found, errors), found)


def _strict(content: bytes, encoding: str, errors: str) -> str:
    try:
        return content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise _wrong(encoding, error.start) from error
    except (LookupError, ValueError) as error:  # a codec that makes no text, such as base64
        raise Unloadable(
            f"cannot be read as {encoding!r}.",
            remedy="Name the encoding of a text with encoding.",
            reason=Reason.WRONG_ENCODING,
        ) from error


def _wide(content: bytes, errors: str) -> Decoded:
    """UTF-16 without a mark: the order of bytes in which the commonest characters appear."""
    whole = content[: _HEAD & ~1]
    if whole.count(0) * _RARE < len(whole) and _is_utf8(whole):
        raise _binary()  # a text with a zero byte in it, and not one of two bytes a character
    n_common = {
        name: len(_COMMON.findall(whole.decode(name, "ignore")))
        for name in ("utf-16-le", "utf-16-be")
    }
    name = max(n_common, key=lambda one: n_common[one])
    if len(content) % 2 or n_common[name] * 200 < len(whole) // 2:
        raise _binary()
    try:
        return _checked(content.decode(name, errors), name)
    except UnicodeDecodeError as error:
        raise _binary() from error


def _is_utf8(head: bytes) -> bool:
    """Whether a beginning is UTF-8, a character that is cut at its end apart."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _checked(text: str, encoding: str) -> Decoded:
    """Refuse what is no text for people, whatever encoding it happens to fit."""
    head = text[:_HEAD]
    if "\0" in text or len(_CONTROL.findall(head)) * 50 > len(head):
        raise _binary()
    return Decoded(text, encoding)


def _mostly_utf8(content: bytes) -> bool:
    """Whether almost all bytes above ASCII form characters of UTF-8."""
    n_foreign = len(_FOREIGN.findall(content))
    n_formed = sum(map(len, _MULTIBYTE.findall(content)))
    return n_formed >= 4 and n_formed >= 0.9 * n_foreign


def _head(content: bytes) -> bytes:
    """The beginning, cut behind an ASCII character, so that no other is cut in two."""
    if len(content) <= _HEAD:
        return content
    head = content[:_HEAD]
    end = max(head.rfind(b"\n"), head.rfind(b" "))
    return head[: end + 1] if end > 0 else head


def _wrong(encoding: str, at: int) -> Unloadable:
    return Unloadable(
        f"is not {encoding} text: byte {at} is wrong.",
        remedy="Save it as UTF-8, or name its encoding with encoding; encoding_errors: replace "
        "reads it all the same.",
        reason=Reason.WRONG_ENCODING,
        byte=at,
    )


def _binary() -> Unloadable:
    return Unloadable(
        "holds binary data, no text.",
        remedy="Leave it out with exclude, or give it the ending of its format.",
        reason=Reason.BINARY,
    )
