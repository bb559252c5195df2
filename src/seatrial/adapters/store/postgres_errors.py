"""PostgreSQL's error codes as the store's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import StoreDamaged, StoreDenied, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from psycopg import Error


def translate(error: Error, where: str) -> SeatrialError | None:
    """What ``error`` means for the store on the server ``where``; None for a mistake of our own.

    Source: PostgreSQL documentation, appendix A, error codes.
    """
    import psycopg

    state, what = error.sqlstate or "", first_line(error)
    if state == "53100":
        return StoreFull(
            f"PostgreSQL at {where} has no room left ({what}).",
            remedy="Free space on the server's drive and try again.",
        )
    if state in {"25006", "42501"}:
        return StoreDenied(
            f"PostgreSQL at {where} does not let this user write ({what}).",
            remedy="Connect to the primary server, with a user that owns the schema.",
        )
    if state in {"42P01", "3F000", "XX001", "XX002"}:
        return StoreDamaged(
            f"The store in PostgreSQL at {where} is damaged ({what}).",
            remedy="Restore a backup of its schema, or name another schema.",
        )
    if isinstance(error, psycopg.OperationalError) or state[:2] in {"08", "53", "57", "40", "55"}:
        return StoreUnavailable(
            f"PostgreSQL at {where} does not answer ({what}).",
            remedy="Try again; if it stays so, look into the server's log.",
        )
    return None


def first_line(error: BaseException) -> str:
    """What went wrong, without the details that may span a page."""
    return str(error).strip().partition("\n")[0]
