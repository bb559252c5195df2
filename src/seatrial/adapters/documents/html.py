"""HTML pages: what a person would read on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from seatrial.adapters.documents.encoding_detect import library_version, named_encoding
from seatrial.adapters.documents.html_text import html_text
from seatrial.adapters.documents.text import read_named, refuse_readers, told
from seatrial.rag.loading.decoding import Decoded
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
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
        return f"2 {library_version('selectolax')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = _decoded(content, about)
        refuse_readers(text)
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


def _decoded(content: bytes, about: About) -> Decoded:
    """The page's own word on its encoding counts where the bytes agree."""
    found = _CHARSET.search(content, 0, 4096)
    named = named_encoding(found.group(1).decode("ascii", "replace")) if found else None
    return read_named(content, about, named)
