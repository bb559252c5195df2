"""Tokenizers of models by the library `tokenizers`, from a `tokenizer.json`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder_weights import EncoderUnusable
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class HfTokenizer:
    """Is a `Tokenizer`. May be used from several threads.

    The truncation and padding that a file asks for are left out: a text counts whole.

    Args:
        library: the tokenizer itself.
        name: see Tokenizer.
    """

    def __init__(self, library: Library, name: str) -> None:
        library.no_truncation()
        library.no_padding()
        self._library = library
        self._name = name

    @classmethod
    def of_file(cls, path: Path) -> HfTokenizer:
        """The one in a file.   Raises: MissingExtra; EncoderUnusable."""
        try:
            from tokenizers import Tokenizer as Library
        except ImportError as missing:
            raise MissingExtra("tokenizers", "rag") from missing
        try:
            content = path.read_bytes()
            library = Library.from_buffer(content)
        except Exception as error:
            raise EncoderUnusable(
                f"The tokenizer {str(path)!r} cannot be read ({error}).",
                remedy="Name a folder with the tokenizer.json of its model.",
                path=str(path),
            ) from error
        return cls(library, f"tokenizer/{hashlib.sha256(content).hexdigest()[:16]}")

    @property
    def name(self) -> str:
        """See Tokenizer."""
        return self._name

    def token(self, text: str) -> int | None:
        """The id of a token; None where there is no such one."""
        found: int | None = self._library.token_to_id(text)
        return found

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without the special ones."""
        found: list[int] = self._library.encode(whole(text), add_special_tokens=False).ids
        return found

    def cut_pairs(self, max_tokens: int) -> None:
        """Cut the longer text of each pair, so that it has so many tokens with the special ones."""
        self._library.enable_truncation(max_tokens, strategy="longest_first")

    def pair_ids(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Tokens and types of a pair with its special tokens, as the model was trained."""
        encoding = self._library.encode(whole(first), whole(second))
        return encoding.ids, encoding.type_ids

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See Tokenizer."""
        # One by one: a batch is split by the library among threads of its own, which then warns
        # whoever forks.
        return [
            spans_array(self._library.encode(whole(text), add_special_tokens=False).offsets)
            for text in texts
        ]


def whole(text: str) -> str:
    """A text whose lone surrogates, which no tokenizer takes, are the character for that."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def spans_array(spans: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """Spans as an array (n, 2)."""
    flat = np.fromiter(chain.from_iterable(spans), np.int32, len(spans) * 2)
    return flat.reshape(-1, 2)
