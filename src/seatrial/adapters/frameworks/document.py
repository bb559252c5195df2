"""What other libraries call a document, text with fields, as one of seatrial."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from seatrial.rag.text.document import Document, MetaValue
from seatrial.rag.text.language import language_of


def told_document(
    text: str,
    metadata: Mapping[str, Any],
    *,
    name: str,
    source: str,
    readers: frozenset[str] | None = None,
) -> Document:
    """A document.

    Args:
        metadata: its ``title`` is the title; fields that no condition can ask about are left out.
        name: its id.
        readers: see Document.
    """
    plain = plain_metadata(metadata)
    may_read = None if readers is None else sorted(readers)
    written = json.dumps([text, source, plain, may_read], sort_keys=True)
    return Document(
        id=name,
        text=text,
        title=str(metadata.get("title") or ""),
        source=source,
        format="text",
        language=language_of(text),
        digest=hashlib.sha256(written.encode()).hexdigest(),
        metadata=plain,
        readers=readers,
    )


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, MetaValue]:
    """The fields that conditions can ask about: texts, numbers, booleans, and lists of texts."""
    plain: dict[str, MetaValue] = {}
    for field, value in metadata.items():
        if isinstance(value, str | int | float):
            plain[str(field)] = value
        elif isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            plain[str(field)] = tuple(value)
    return plain
