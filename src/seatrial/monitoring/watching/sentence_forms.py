"""Sentences that are kept in English and told in another language by their form."""

from __future__ import annotations

import re
from collections.abc import Sequence


class SentenceForms:
    """A table of sentences.

    Args:
        forms: for each a regular expression of the whole sentence, and what it becomes, with groups
            as `re.Match.expand` fills them in; the first that fits counts.
    """

    def __init__(self, forms: Sequence[tuple[str, str]]) -> None:
        self._read = tuple((re.compile(form), told) for form, told in forms)

    def find(self, text: str) -> tuple[re.Match[str], str] | None:
        """How a sentence fits its form, and what that becomes; None where it has none."""
        for form, told in self._read:
            found = form.fullmatch(text)
            if found is not None:
                return found, told
        return None
