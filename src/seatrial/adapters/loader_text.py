"""Plain text and source code: the text of a file, as it is."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.adapters.encoding_detect import detect
from seatrial.rag.loading.decoding import Decoded, decoded
from seatrial.rag.loading.formats import programming_language
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.text.document import MetaValue


def read_text(content: bytes, about: About) -> Decoded:
    """The text of a file, in the encoding that was named or found.   Raises: Unloadable."""
    return decoded(content, detect, encoding=about.encoding, replace=about.replace)


def told(encoding: str) -> dict[str, MetaValue]:
    """The metadata that tells an encoding which is not the one everybody expects."""
    return {} if encoding == "utf-8" else {"encoding": encoding}


class TextLoader:
    """See Loader."""

    version = "1"
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        yield Parsed(text=text, metadata=told(encoding))


class CodeLoader:
    """See Loader; the programming language goes by the ending of the name."""

    version = "1"
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        metadata = told(encoding)
        language = programming_language(about.name)
        if language:
            metadata["programming_language"] = language
        yield Parsed(text=text, metadata=metadata)
