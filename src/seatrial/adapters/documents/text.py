"""Plain text and source code: the text of a file, as it is."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator

from seatrial.adapters.documents.encoding_detect import detect
from seatrial.rag.loading.decoding import Decoded, decoded
from seatrial.rag.loading.formats import programming_language
from seatrial.rag.loading.front_matter import names_readers
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.text.document import MetaValue


def read_text(content: bytes, about: About) -> Decoded:
    """The text of a file, in the encoding that was named or found.   Raises: Unloadable."""
    return decoded(content, detect, encoding=about.encoding, replace=about.replace)


def read_named(content: bytes, about: About, named: str | None) -> Decoded:
    """The same, where the file itself names an encoding, which counts if the bytes agree."""
    if named and about.encoding is None and not content.startswith(BOM_UTF8):
        try:
            return decoded(content, detect, encoding=named)
        except Unloadable:
            pass
    return read_text(content, about)


def told(encoding: str) -> dict[str, MetaValue]:
    """The metadata that tells an encoding which is not the one everybody expects."""
    return {} if encoding == "utf-8" else {"encoding": encoding}


def refuse_readers(text: str) -> None:
    """Refuse a text that names readers as Markdown does, since nothing of it would be heeded.

    Raises: Unloadable (bad metadata).
    """
    if names_readers(text):
        raise Unloadable(
            "names its readers in front matter, which is read of Markdown only.",
            remedy="Give it the ending .md, or name its readers in a rule and take them out of it.",
            reason=Reason.BAD_METADATA,
        )


class TextLoader:
    """See Loader."""

    version = "2"  # 2: front matter that names readers is refused
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        refuse_readers(text)
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
