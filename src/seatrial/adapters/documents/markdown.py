"""Markdown: its text without the front matter, its headings as sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from seatrial.adapters.documents.text import read_text, told
from seatrial.rag.loading.front_matter import front_matter, is_readers
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code, readers_of
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.text.document import Section

# One alternative a kind of line that matters; possessive, so that no line takes quadratic time.
# Source: CommonMark 0.31, sections 4.2, 4.3 and 4.5.
_LINE = re.compile(
    r"""^\ {0,3}(?:
        (?P<fence>`{3,}+|~{3,}+)[^\r\n]*+
      | (?P<marks>\#{1,6})(?:[ \t]++(?P<title>[^\r\n]*+))?
      | (?P<under>=++|-++)[ \t]*+
    )(?=\r?$)""",
    re.VERBOSE | re.MULTILINE,
)
_CLOSING = re.compile(r"(?:^|[ \t]+)#+[ \t]*\Z")
_EMPHASIS = re.compile(r"(\*{1,3}|`+|\b_{1,3})(\S(?:.*?\S)?)\1")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_MAX_TITLE = 300
_OPENERS = ("#", ">", "- ", "* ", "+ ", "|", "```", "~~~")


class MarkdownLoader:
    """See Loader."""

    version = "3"  # 3: front matter after blank lines; what only resembles one
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        fields, end = front_matter(text)
        text = text[end:]
        readers = _readers(fields)
        title, language = (
            fields.pop("title", None),
            fields.pop("language", fields.pop("lang", None)),
        )
        sections = tuple(headings(text))
        yield Parsed(
            text=text,
            title=str(title).strip() if title else _first_title(sections),
            language=language_code(language),
            metadata=told(encoding) | flat(fields),
            sections=sections,
            readers=readers,
        )


def _readers(fields: dict[str, Any]) -> tuple[str, ...] | None:
    """Taken out of front matter, in whatever case it is written: what is misspelt must not open."""
    names = [name for name in fields if is_readers(name)]
    if len(names) > 1:
        raise Unloadable(
            f"names its readers twice, as {names[0]!r} and {names[1]!r}.",
            remedy="Keep one of them.",
            reason=Reason.BAD_METADATA,
        )
    return readers_of(fields.pop(names[0])) if names else None


def headings(text: str) -> Iterator[Section]:
    """The headings of a Markdown text, those of fenced code left out."""
    fence = ""
    for line in _LINE.finditer(text):
        opened = line["fence"]
        if fence:
            bare = line.group().strip()
            if opened and opened.startswith(fence) and bare == opened:
                fence = ""
        elif opened:
            fence = opened
        elif line["marks"]:
            title = _CLOSING.sub("", (line["title"] or "")[:_MAX_TITLE])
            yield from _section(len(line["marks"]), title, line.start())
        else:
            yield from _underlined(text, line)


def _underlined(text: str, line: re.Match[str]) -> Iterator[Section]:
    """A heading of one line over a line of = or -."""
    end = line.start() - 1
    start = text.rfind("\n", 0, max(end, 0)) + 1
    title = text[start : min(end, start + _MAX_TITLE)].strip() if end > 0 else ""
    above = text[max(start - 2, 0) : start].strip("\r\n \t")
    if title and not above and not title.startswith(_OPENERS):
        yield from _section(1 if line["under"].startswith("=") else 2, title, start)


def _section(level: int, title: str, start: int) -> Iterator[Section]:
    bare = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", title)).strip()
    if bare:
        yield Section(level=level, title=bare, start=start)


def _first_title(sections: tuple[Section, ...]) -> str | None:
    return next((section.title for section in sections if section.level == 1), None)
