"""The older encodings, told by charset-normalizer."""

from __future__ import annotations

from importlib.metadata import version

from seatrial.kernel.errors import MissingExtra

_ENCODINGS = ("gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1252", "cp1251")
"""Those tried. GBK and GB2312 are within gb18030, Shift-JIS in cp932, Latin-1 in cp1252. Other
single-byte encodings look too much alike: with cp1250 among these, German is taken for Polish."""


def detect(content: bytes) -> str | None:
    """See `rag.loading.decoding.Detect`.   Raises: MissingExtra."""
    try:
        from charset_normalizer import from_bytes
    except ImportError as error:
        raise MissingExtra("charset_normalizer", "documents") from error
    best = from_bytes(content, cp_isolation=list(_ENCODINGS)).best()
    return None if best is None else best.encoding


def library_version(package: str) -> str:
    """Name and version of an installed package, the name alone where it is not installed."""
    try:
        return f"{package}/{version(package)}"
    except ModuleNotFoundError:
        return package
