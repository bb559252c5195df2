"""What adapters of vector servers share: failures, addresses without secrets, names of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from seatrial.kernel.errors import SeatrialError, Unavailable


class VectorsUnavailable(Unavailable):
    """A vector server does not answer, or refuses."""

    code = "rag.vectors_unavailable"


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Tell what a client raises as one error.

    Args: where: the server, for people.
    Raises: VectorsUnavailable.
    """
    try:
        yield
    except SeatrialError:
        raise
    except Exception as problem:
        said = str(problem).partition("\n")[0][:300] or type(problem).__name__
        raise VectorsUnavailable(
            f"{where} did not do what it was asked to: {said}.",
            remedy="See that it runs, that the address is right and that the key is valid.",
        ) from problem


def shown(url: str) -> str:
    """An address without what may be secret in it: its user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}" if host else url.partition("?")[0]


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,100}")


def name_of(field: str) -> str:
    """A field of metadata as every server can name it: plain names are still read by people."""
    if _PLAIN.fullmatch(field):
        return f"m_{field}"
    return "x_" + field.encode("utf-8", "surrogatepass").hex()


def field_of(name: str) -> str:
    """The field that `name_of` named."""
    kind, rest = name[:2], name[2:]
    return rest if kind == "m_" else bytes.fromhex(rest).decode("utf-8", "surrogatepass")
