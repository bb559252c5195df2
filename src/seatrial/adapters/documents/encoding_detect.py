"""The older encodings: Japanese ones told by their hiragana, others by charset-normalizer."""

from __future__ import annotations

import codecs
import re
from importlib.metadata import version

from seatrial.kernel.errors import MissingExtra

_ENCODINGS = ("gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1252", "cp1251")
"""Those tried. GBK and GB2312 are within gb18030, Shift-JIS in cp932, Latin-1 in cp1252. Other
single-byte encodings look too much alike: with cp1250 among these, German is taken for Polish."""

_ASCII = re.compile(r"[\x00-\x7f]+")
_HIRAGANA = re.compile("[ぁ-ゖ]")
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_LARGER |= {"iso8859-1": "cp1252", "ascii": "cp1252"}


def detect(content: bytes) -> str | None:
    """See `rag.loading.decoding.Detect`.   Raises: MissingExtra."""
    for name in ("euc_jp", "cp932"):
        if _is_japanese(content, name):
            return name
    try:
        from charset_normalizer import from_bytes
    except ImportError as error:
        raise MissingExtra("charset_normalizer", "documents") from error
    best = from_bytes(content, cp_isolation=list(_ENCODINGS)).best()
    return None if best is None else best.encoding


def _is_japanese(content: bytes, encoding: str) -> bool:
    """Whether a tenth of what is no ASCII is hiragana, as no other script's bytes make it.

    Short texts in EUC-JP look Korean to the library.
    """
    try:
        foreign = _ASCII.sub("", content.decode(encoding))
    except UnicodeDecodeError:
        return False
    return 0 < len(foreign) <= 10 * len(_HIRAGANA.findall(foreign))


def named_encoding(name: str | None) -> str | None:
    """The encoding that texts are in which name this one; None where there is none of the name.

    Source: WHATWG Encoding, section 4.2.
    """
    try:
        found = codecs.lookup(name).name if name else None
    except (LookupError, ValueError):
        return None
    return _LARGER.get(found, found) if found else None


def library_version(package: str) -> str:
    """Name and version of an installed package, the name alone where it is not installed."""
    try:
        return f"{package}/{version(package)}"
    except ModuleNotFoundError:
        return package
