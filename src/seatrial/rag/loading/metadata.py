"""Metadata as documents keep it: flat, of plain values, times in UTC."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.text.document import MetaValue

EVERYONE = "everyone"
"""The name in lists of readers that opens a document to all."""

_INT = 2**63
_MAX_FIELDS = 200
_MAX_CHARACTERS = 4000
_RENAMED = {
    "authors": "author",
    "keywords": "tags",
    "categories": "tags",
    "date": "created",
    "updated": "modified",
    "last_modified": "modified",
    "lastmod": "modified",
}
_TIMES = ("created", "modified")
_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z0-9_-]*)?\s*\Z")


def moment(value: object) -> str | None:
    """A date or time as ISO 8601 in UTC, ``2030-01-05T12:00:00Z``; None where it is none.

    Args: value: a date, a time (without a zone it counts as UTC), ISO 8601, or as in e-mail.
    """
    if isinstance(value, str):
        value = _read_moment(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  made aware below
    if not isinstance(value, datetime):
        return None
    try:
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return f"{aware.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def moment_of_ns(nanoseconds: int) -> str | None:
    """The same for nanoseconds since 1970, None beyond the calendar."""
    try:
        return moment(datetime.fromtimestamp(nanoseconds // 10**9, UTC))
    except (OverflowError, OSError, ValueError):
        return None


def _read_moment(text: str) -> datetime | None:
    if not 8 <= len(text) <= 60:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def language_code(value: object) -> str | None:
    """ISO 639-1 of ``zh``, ``zh-CN``, ``en_US``; None of anything else."""
    found = _LANGUAGE.match(value.strip()) if isinstance(value, str) else None
    return found.group(1).lower() if found else None


def flat(values: Mapping[str, object]) -> dict[str, MetaValue]:
    """Metadata from what a file says of itself.

    Nested mappings are joined with dots, lists become tuples of texts, usual other names of author,
    tags, created and modified are put right, and values without content are left out.

    Raises: Unloadable (bad metadata): more fields, or longer ones, than anybody filters by.
    """
    found: dict[str, MetaValue] = {}
    waiting: list[tuple[str, object]] = [*values.items()][::-1]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend((f"{name}.{inner}", part) for inner, part in [*value.items()][::-1])
            continue
        kept = _plain(value)
        if kept is None or kept in ("", ()):
            continue
        renamed = _RENAMED.get(name.lower(), name)
        if renamed in _TIMES:
            time = moment(kept)
            if time is None:
                renamed = name if name not in _TIMES else f"{name}.text"
            else:
                kept = time
        found.setdefault(renamed, kept)
        if len(found) > _MAX_FIELDS or _length(kept) > _MAX_CHARACTERS or len(name) > 200:
            raise Unloadable(
                f"has metadata over {_MAX_FIELDS} fields or {_MAX_CHARACTERS:,} characters, at "
                f"{name[:80]!r}.",
                remedy="Keep as metadata what is filtered by, and the rest as text.",
                reason=Reason.BAD_METADATA,
            )
    if isinstance(tags := found.get("tags"), str):
        found["tags"] = tuple(part.strip() for part in re.split("[,;，；、]", tags) if part.strip())
    return found


def _plain(value: object) -> MetaValue | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        reckoned = isinstance(value, float) or -_INT <= value < _INT
        return value if reckoned else str(value)  # a number to look up, not to reckon with
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, list | tuple):
        parts = (_plain(part) for part in value if not isinstance(part, list | tuple | Mapping))
        return tuple(str(part) for part in parts if part not in (None, ""))
    return None


def _length(value: MetaValue) -> int:
    return sum(map(len, value)) if isinstance(value, tuple) else len(str(value))


def readers_of(value: object) -> tuple[str, ...]:
    """Who may read a document, as its front matter or record says: a list, or names with commas.

    Raises: Unloadable (bad metadata), since guessing could open it to the wrong ones.
    """
    names = re.split("[,，]", value) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(name, str) and 0 < len(name.strip()) <= 200 for name in names
    ):
        raise Unloadable(
            f"names its readers as {str(value)[:80]!r}.",
            remedy=f"Write a list of groups and users, or {EVERYONE!r}.",
            reason=Reason.BAD_METADATA,
        )
    return tuple(str(name).strip() for name in names)
