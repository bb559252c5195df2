"""HTML pages: what a person would read on them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from seatrial.adapters.encoding_detect import library_version
from seatrial.adapters.html_text import html_text
from seatrial.adapters.loader_text import read_text, told
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code
from seatrial.rag.loading.outcome import Unloadable

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_LARGER |= {"iso8859-1": "cp1252", "ascii": "cp1252"}
"""Encodings that pages name and those they are in. Source: WHATWG Encoding, section 4.2."""

_NAMES = {
    "author": "author",
    "article:author": "author",
    "description": "description",
    "og:description": "description",
    "keywords": "tags",
    "date": "created",
    "dcterms.created": "created",
    "article:published_time": "created",
    "dcterms.modified": "modified",
    "article:modified_time": "modified",
}


class HtmlLoader:
    """See Loader."""

    isolated = True

    @cached_property
    def version(self) -> str:
        """See Loader."""
        return f"1 {library_version('selectolax')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = _decoded(content, about)
        page = html_text(text)
        found: dict[str, str] = {}
        for name, value in page.meta.items():
            if name in _NAMES:
                found.setdefault(_NAMES[name], value[:2000])
        heading = next((section.title for section in page.sections if section.level == 1), None)
        yield Parsed(
            text=page.text,
            title=page.title or heading,
            language=language_code(page.language),
            metadata=told(encoding) | flat(found),
            sections=page.sections,
        )


def _decoded(content: bytes, about: About) -> tuple[str, str]:
    """The page's own word on its encoding counts where the bytes agree."""
    named = _CHARSET.search(content, 0, 4096)
    if about.encoding is None and named and not content.startswith(codecs.BOM_UTF8):
        try:
            name = codecs.lookup(named.group(1).decode("ascii")).name
            return read_text(content, replace(about, encoding=_LARGER.get(name, name)))
        except (LookupError, Unloadable):
            pass
    return read_text(content, about)
