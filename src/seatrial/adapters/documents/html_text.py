"""The text of HTML as a person would read it, by selectolax: scripts and navigation left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from seatrial.kernel.errors import MissingExtra
from seatrial.rag.text.document import Section

_DROPPED_TAGS: Final = (
    "script style noscript template nav svg iframe object embed canvas audio video button "
    "select textarea input datalist head title meta link -comment"
)
_DROPPED: Final = frozenset(_DROPPED_TAGS.split())
_PARAGRAPHS_TAGS: Final = (
    "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure section article main hr"
)
_PARAGRAPHS: Final = frozenset(_PARAGRAPHS_TAGS.split())
_BLOCKS_TAGS: Final = (
    "div li dt dd tr caption thead tbody tfoot header footer aside address form fieldset "
    "details summary figcaption body html legend"
)
_BLOCKS: Final = frozenset(_BLOCKS_TAGS.split())
_LEVELS: Final = {f"h{level}": level for level in range(1, 7)}
_HIDDEN: Final = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE
)
_SPACE: Final = re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]")


@dataclass(slots=True, kw_only=True)
class HtmlText:
    """What a page holds.

    Args:
        meta: contents of its meta elements by name or property, in lower case.
        language: of its root, as written.
    """

    text: str
    title: str | None
    language: str | None
    meta: dict[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()


def html_text(page: str) -> HtmlText:
    """Read a page. It must run where it may hang: deep nesting takes quadratic time.

    Raises: MissingExtra, MemoryError.
    """
    try:
        from selectolax.lexbor import LexborHTMLParser, SelectolaxError
    except ImportError as error:
        raise MissingExtra("selectolax", "documents") from error
    try:
        root = LexborHTMLParser(page).root
    except SelectolaxError as error:  # any text is HTML: only memory can be wanting
        raise MemoryError from error
    if root is None:
        return HtmlText(text="", title=None, language=None)
    title = root.css_first("head > title")
    writer = _Writer()
    _write(root, writer)
    return HtmlText(
        text=writer.text(),
        title=_SPACE.sub(" ", title.text()).strip() or None if title else None,
        language=root.attributes.get("lang"),
        meta=dict(_meta(root)),
        sections=tuple(writer.sections),
    )


def _meta(root: Any) -> Iterator[tuple[str, str]]:
    for node in root.css("meta[content]"):
        values = node.attributes
        name = values.get("name") or values.get("property")
        content = (values.get("content") or "").strip()
        if name and content:
            yield name.lower(), content


class _Writer:
    """Collects the text: white space runs together, blocks stand on lines of their own."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self._parts: list[str] = []
        self._length = 0
        self._newlines = 2  # at the end of what is written, the beginning counting as two
        self._wanted = 0  # newlines to be written before the next text
        self._space = False
        self._held = False
        self._heading: tuple[int, int] | None = None

    def text(self) -> str:
        """What was written."""
        return "".join(self._parts)

    def words(self, text: str) -> None:
        """Text in which white space is no more than that."""
        bare = _SPACE.sub(" ", text)
        if bare.startswith(" "):
            self._space, bare = True, bare[1:]
        if not bare:
            return
        ends = bare.endswith(" ")
        self._write(bare.removesuffix(" "))
        self._space = ends

    def verbatim(self, text: str) -> None:
        """Text whose white space counts."""
        if text:
            self._write(text)
            self._newlines = len(text) - len(text.rstrip("\n"))

    def bullet(self) -> None:
        """The mark of a list's item; a paragraph in the item begins right after it."""
        self._write("- ")
        self._held = True

    def begin_cell(self, *, first: bool) -> None:
        """A cell of a row, which goes on in its line whatever blocks the cell holds."""
        if not first:
            self._wanted, self._space = 0, False
            self._write(" | ")
        self._held = True

    def lines(self, n: int) -> None:
        """Let what follows begin after ``n`` newlines; nothing at the beginning or the end."""
        if self._held:
            return
        self._wanted = max(self._wanted, n)
        self._space = False

    def end_line(self) -> None:
        """An item or a row is over; paragraphs in it make no empty line after it."""
        self._wanted, self._space = 1, False

    def begin_heading(self, level: int) -> None:
        """What follows is a heading."""
        self._heading = (level, len(self._parts))

    def end_heading(self) -> None:
        """The heading is over."""
        if self._heading is None:
            return
        level, first = self._heading
        self._heading = None
        parts = self._parts[first:]
        title = "".join(parts)
        bare = _SPACE.sub(" ", title).strip()
        if bare:
            start = self._length - len(title.lstrip())
            self.sections.append(Section(level=level, title=bare, start=start))

    def _write(self, text: str) -> None:
        missing = self._wanted - self._newlines
        if missing > 0:
            self._put("\n" * missing)
        elif self._space and not self._newlines:
            self._put(" ")
        self._wanted, self._space, self._held = 0, False, False
        self._put(text)
        self._newlines = 0

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _write(root: Any, writer: _Writer) -> None:
    """Walk the tree without recursion, since a page may nest as deep as it likes."""
    open_tags: list[tuple[str, Iterator[Any]]] = [("", iter([root]))]
    n_verbatim = 0
    while open_tags:
        tag, children = open_tags[-1]
        node = next(children, None)
        if node is None:
            open_tags.pop()
            n_verbatim -= tag == "pre"
            _end(tag, writer)
            continue
        name = node.tag
        if name == "-text":
            text = node.text_content or ""
            if n_verbatim:
                writer.verbatim(text)
            else:
                writer.words(text)
        elif name is not None and name not in _DROPPED and not _is_hidden(node):
            _begin(name, node, writer)
            n_verbatim += name == "pre"
            open_tags.append((name, node.iter(include_text=True)))


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or attributes.get("role") == "navigation"
        or bool(_HIDDEN.search(attributes.get("style") or ""))
    )


def _begin(tag: str, node: Any, writer: _Writer) -> None:
    if tag in _PARAGRAPHS:
        writer.lines(2)
    elif tag in _BLOCKS:
        writer.lines(1)
    if tag in _LEVELS:
        writer.begin_heading(_LEVELS[tag])
    elif tag == "li":
        writer.bullet()
    elif tag in {"td", "th"}:
        writer.begin_cell(first=not _has_cell_before(node))
    elif tag == "br":
        writer.lines(1)
    elif tag == "img":
        writer.words(f" {node.attributes.get('alt') or ''} ")


def _has_cell_before(node: Any) -> bool:
    before = node.prev
    while before is not None:
        if before.tag in {"td", "th"}:
            return True
        before = before.prev
    return False


def _end(tag: str, writer: _Writer) -> None:
    if tag in _LEVELS:
        writer.end_heading()
    if tag in {"li", "tr"}:
        writer.end_line()
    elif tag in _PARAGRAPHS:
        writer.lines(2)
    elif tag in _BLOCKS:
        writer.lines(1)
