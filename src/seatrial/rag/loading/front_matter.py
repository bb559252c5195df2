"""Front matter of Markdown: YAML between two lines of ``---`` at the very beginning.

Blank lines and byte order marks may stand before it. It may say who is allowed to read a document,
so what looks like front matter, names readers and is not read as such is refused, never taken for
text: a slip must not open a document.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple

from seatrial.kernel.config_file import ConfigUnreadable, parse
from seatrial.rag.loading.outcome import Reason, Unloadable

_LEAD = re.compile(r"[\s\ufeff\u200b]*")
_OPEN = re.compile(r"(?<![^\r\n\ufeff\u200b])---[^\S\r\n]*(?:\r\n?|\n)")
_CLOSE = re.compile(r"(?<![^\r\n])(?:---|\.\.\.)[^\S\r\n]*(?:\r\n?|\n|\Z)")
_KEY = re.compile(
    r"""\s*(?:\#[^\n]*\n\s*)*  # comments
        (?:\{|(?:[\w.-]+|"[^"\n]*"|'[^'\n]*')[ \t]*:(?:\s|$))""",
    re.VERBOSE,
)
_NEAR_OPEN = re.compile(r"\\?[-\u2010-\u2015\u2212+=~*_;]{2,}+[^\r\n]*+")
"""A line that was meant to begin front matter: other dashes, TOML's ``+++``, words behind it."""
_NEAR_CLOSE = re.compile(
    r"(?<![^\r\n])[^\S\r\n]*+(?:\\?[-\u2010-\u2015\u2212+=~*_;]{2,}+|\.\.\.)[^\S\r\n]*+(?=[\r\n]|\Z)"
)
_BLANK = re.compile(r"(?:\r\n?|\n)[^\S\r\n]*+(?=[\r\n])")
_UNOPENED = re.compile(
    r"""(?:[^\S\r\n]*+(?:[\w."'-]++[^\S\r\n]*+[:：]|-\s|\#)[^\r\n]*+(?:\r\n?|\n)){1,200}
        (?:-{3,}|\.{3}|\+{3})[^\S\r\n]*+(?=[\r\n]|\Z)""",
    re.VERBOSE,
)
_READERS = re.compile(
    r"""(?<![^\r\n])[^\S\r\n]*+[>?{,"'*_-]*+\s*+["'*_]*+readers?\b["'*_\s]*+[:=]"""
)
_LONGEST = 300_000
"""Characters of a beginning that are looked at: more than front matter may hold."""

_AS_YAML = "Correct the YAML between the two lines of ---, or remove it."
_AS_A_KEY = "Begin the file with `---`, `readers: [NAME, ...]` and `---`, each a line of its own."


class FrontMatter(NamedTuple):
    """The fields, and where the text begins after them."""

    fields: dict[str, Any]
    end: int


def front_matter(text: str) -> FrontMatter:
    """The front matter of a text; no fields and 0 where there is none.

    A rule (``---``) over prose is no front matter. What begins as one and cannot be read is
    refused rather than taken for text, and so is what names readers and only resembles one.

    Raises: Unloadable (bad metadata).
    """
    opened = _OPEN.match(text, _lead(text))
    if not opened or not _KEY.match(text, opened.end()):
        if names_readers(text):
            raise _bad("names its readers in what is not quite front matter", _AS_A_KEY)
        return FrontMatter({}, 0)
    closed = _CLOSE.search(text, opened.end())
    if not closed:
        raise _bad("begins with --- and has no second line of --- after it")
    written = text[opened.end() : closed.start()]
    fields = _parsed(written)
    if _says_readers(written) and not any(map(is_readers, fields)):
        raise _bad("names its readers in front matter under no key 'readers'", _AS_A_KEY)
    return FrontMatter(fields, closed.end())


def names_readers(text: str) -> bool:
    """Whether a text begins with front matter, or with what resembles it, that names readers."""
    start = _lead(text)
    opened = _NEAR_OPEN.match(text, start)
    if not opened:
        found = _UNOPENED.match(text, start)
        return found is not None and _says_readers(found.group())
    after = opened.end()
    closed = _NEAR_CLOSE.search(text, after) or _BLANK.search(text, after)
    return _says_readers(text[after : closed.start() if closed else after + _LONGEST])


def is_readers(name: str) -> bool:
    """Whether a key names readers, in whatever case and width it is written."""
    return unicodedata.normalize("NFKC", name).strip().casefold() == "readers"


def _lead(text: str) -> int:
    """Where a text begins, blank lines and marks aside."""
    found = _LEAD.match(text)
    return found.end() if found else 0


def _says_readers(block: str) -> bool:
    beginning = unicodedata.normalize("NFKC", block[:_LONGEST]).casefold()
    return _READERS.search(beginning) is not None


def _parsed(written: str) -> dict[str, Any]:
    try:
        return parse(written.encode(), "Its front matter")
    except ConfigUnreadable as error:
        raise _bad(f"has front matter that cannot be read: {error.problem}") from error
    except UnicodeEncodeError as error:
        raise _bad("has front matter that holds half a character") from error


def _bad(problem: str, remedy: str = _AS_YAML) -> Unloadable:
    return Unloadable(
        f"{problem.rstrip('.')}.",
        remedy=remedy,
        reason=Reason.BAD_METADATA,
    )
