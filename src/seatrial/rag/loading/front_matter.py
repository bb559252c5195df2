"""Front matter of Markdown: YAML between two lines of ``---`` at the very beginning."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from seatrial.kernel.config_file import ConfigUnreadable, parse
from seatrial.rag.loading.outcome import Reason, Unloadable

_OPEN = re.compile(r"---[ \t]*\r?\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$\n?", re.MULTILINE)
_KEY = re.compile(
    r"""\s*(?:\#[^\n]*\n\s*)*  # comments
        (?:\{|(?:[\w.-]+|"[^"\n]*"|'[^'\n]*')[ \t]*:(?:\s|$))""",
    re.VERBOSE,
)


class FrontMatter(NamedTuple):
    """The fields, and where the text begins after them."""

    fields: dict[str, Any]
    end: int


def front_matter(text: str) -> FrontMatter:
    """The front matter of a text; no fields and 0 where there is none.

    A rule (``---``) over prose is no front matter. What begins as one and cannot be read is
    refused rather than taken for text: it may say who is allowed to read the document.

    Raises: Unloadable (bad metadata).
    """
    opened = _OPEN.match(text)
    if not opened or not _KEY.match(text, opened.end()):
        return FrontMatter({}, 0)
    closed = _CLOSE.search(text, opened.end())
    if not closed:
        raise _bad("begins with --- and has no second line of --- after it")
    try:
        raw = text[opened.end() : closed.start()].encode()
        fields = parse(raw, "Its front matter")
    except ConfigUnreadable as error:
        raise _bad(f"has front matter that cannot be read: {error.problem}") from error
    except UnicodeEncodeError as error:
        raise _bad("has front matter that holds half a character") from error
    return FrontMatter(fields, closed.end())


def _bad(problem: str) -> Unloadable:
    return Unloadable(
        f"{problem.rstrip('.')}.",
        remedy="Correct the YAML between the two lines of ---, or remove it.",
        reason=Reason.BAD_METADATA,
    )
