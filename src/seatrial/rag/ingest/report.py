"""What one ingestion did, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.rag.loading.outcome import Skipped


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """Counts that grow while documents come in.

    Args:
        n_new, n_changed, n_unchanged, n_removed: documents, against what the index held.
        n_kept: documents whose source could not be read now, and that stay as they were.
        n_empty: of the new and changed ones, those without a chunk.
        n_chunks, n_characters: of the new and changed ones.
        n_copied: vectors that were copied to a store elsewhere.
        duplicates: by the id of a document, another that came before it with the same text.
        skipped: sources that gave no document, with their reasons.
        seconds: per stage: ``read``, ``chunk``, ``embed``, ``write``, ``publish``.
        version: that was published; None while it runs, and where it was not published.
    """

    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_removed: int = 0
    n_kept: int = 0
    n_empty: int = 0
    n_chunks: int = 0
    n_characters: int = 0
    n_copied: int = 0
    duplicates: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: int | None = None

    @property
    def n_documents(self) -> int:
        """Seen so far, skipped sources left out."""
        return self.n_new + self.n_changed + self.n_unchanged

    @property
    def changed(self) -> bool:
        """Whether the index is different from before."""
        return bool(self.n_new or self.n_changed or self.n_removed)


Told: TypeAlias = Callable[[IngestReport], None]
"""Hears of progress; called after each batch, in the ingesting thread."""
