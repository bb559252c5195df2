"""PDF by pypdf: the text of its pages, where there is text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from seatrial.adapters.documents.encoding_detect import library_version
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.packed import too_many

_BETWEEN = "\n\n"


class PdfLoader:
    """See Loader; one that opens without a password is read, whatever its owner forbids."""

    isolated = True

    @cached_property
    def version(self) -> str:
        """See Loader."""
        return f"1 {library_version('pypdf')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        try:
            import pypdf
            from pypdf.errors import DependencyError
        except ImportError as error:
            raise MissingExtra("pypdf", "documents") from error
        if b"%PDF-" not in content[:1024]:
            raise Unloadable(
                "is not a PDF.",
                remedy="Give it the ending it should have.",
                reason=Reason.UNREADABLE,
            )
        try:
            reader = pypdf.PdfReader(io.BytesIO(content))
            if reader.is_encrypted and not reader.decrypt(""):
                raise _encrypted()
        except DependencyError as error:
            raise _encrypted() from error
        n_pages = len(reader.pages)
        if n_pages > about.limits.pages:
            raise too_many("pages", about.limits.pages, "pages")
        texts = [page.extract_text() for page in reader.pages]
        starts, at = [], 0
        for text in texts:
            starts.append(at)
            at += len(text) + len(_BETWEEN)
        facts = _facts(reader)
        title = facts.pop("title", None)
        yield Parsed(
            text=_BETWEEN.join(texts),
            title=str(title).strip() if title else None,
            metadata=flat(facts | {"n_pages": n_pages}),
            pages=tuple(starts),
        )


def _facts(reader: Any) -> dict[str, object]:
    """What it says of itself; a field that cannot be read is none."""
    found: dict[str, object] = {}
    info = reader.metadata
    for ours, theirs in (
        ("title", "title"),
        ("author", "author"),
        ("subject", "subject"),
        ("tags", "keywords"),
        ("created", "creation_date"),
        ("modified", "modification_date"),
    ):
        try:
            value = getattr(info, theirs, None)
        except Exception:  # noqa: BLE001, S112  the border to what files hold; it is only metadata
            continue
        found[ours] = str(value)[:2000] if isinstance(value, str) else value
    return found


def _encrypted() -> Unloadable:
    return Unloadable(
        "is encrypted.", remedy="Save it without a password.", reason=Reason.ENCRYPTED
    )
