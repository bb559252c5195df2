"""What may be kept: documents whose chunks lie in their text, and vectors that can be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.failures import DocumentRefused, IndexNameInvalid, VectorInvalid
from seatrial.rag.index.ranking import joined
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Document, Metadata

_NAME = re.compile(r"\w[\w.-]{0,63}")
_UNIT = 1e-3
_INT = 2**63


def is_name(name: str) -> bool:
    """Whether an index may be called so: its name is that of its folder, too."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Refuse a name that cannot be that of an index.

    Raises: IndexNameInvalid.
    """
    if not is_name(name):
        raise IndexNameInvalid(
            f"{name!r} cannot be the name of an index.",
            remedy="Use up to 64 letters, digits, '.', '-' and '_', the first a letter or a digit.",
        )


def check_documents(documents: Sequence[IndexedDocument], dimensions: int) -> None:
    """Refuse documents that cannot be kept as they are.

    Args:
        dimensions: of their vectors; 0: they have none.
    Raises: DocumentRefused, VectorInvalid.
    """
    for one in documents:
        check_document(one.document)
        _check_spans(one)
        _check_shape(one, dimensions)
    if dimensions and documents:
        check_vectors(
            joined([one.vectors for one in documents if one.vectors is not None]), dimensions
        )


def check_document(document: Document) -> None:
    """Refuse a document whose text, fields or readers cannot be kept.

    Raises: DocumentRefused.
    """
    _check_texts(document)
    check_metadata(document.id, document.metadata)


def check_vector(vector: NDArray[np.float32], dimensions: int) -> None:
    """Refuse one (d,); see `check_vectors`.

    Raises: VectorInvalid.
    """
    if vector.shape != (dimensions,) or not abs(vector.dot(vector) - 1) < _UNIT:
        check_vectors(vector[None], dimensions)


def check_vectors(vectors: NDArray[np.float32], dimensions: int) -> None:
    """Refuse vectors (n, d) of another length d, that are not finite, or not of unit length.

    Raises: VectorInvalid.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise VectorInvalid(
            f"Vectors of the shape {vectors.shape} were given where {dimensions} numbers each"
            " are kept.",
            remedy="Embed with the embedder that the index was built with.",
        )
    squares = np.vecdot(vectors, vectors)
    right = np.abs(squares - 1) < _UNIT
    if not right.all():
        wrong = int(np.argmin(right))
        raise VectorInvalid(
            f"Vector {wrong} of {len(vectors)} has the length {squares[wrong] ** 0.5:.4g}, not 1.",
            remedy="Divide each vector by its length, and embed nothing that has no words.",
        )


def check_metadata(document: str, metadata: Metadata) -> None:
    """Refuse fields that no condition could ask about.

    Raises: DocumentRefused.
    """
    for field, value in metadata.items():
        members = value if isinstance(value, tuple) else (value,)
        for member in members:
            if isinstance(value, tuple) and not isinstance(member, str):
                raise _refused(document, f"its field {field!r} holds {value!r}")
            if not isinstance(member, str | int | float):
                raise _refused(document, f"its field {field!r} holds {value!r}")
            if isinstance(member, int) and not -_INT <= member < _INT:
                raise _refused(document, f"its field {field!r} holds {member}, over 64 bits")
            if isinstance(member, str):
                _check_text(document, f"its field {field!r}", member)
        _check_text(document, "the name of a field", field)


def _check_texts(document: Document) -> None:
    if not document.id:
        raise _refused(document.id, "it has no id")
    for what in ("text", "id", "title", "source", "format", "language", "digest"):
        text = getattr(document, what)
        if text and not text.isascii():
            _check_text(document.id, f"its {what}", text)
    for section in document.sections:
        _check_text(document.id, "a heading", section.title)
    for reader in document.readers or ():
        _check_text(document.id, "its list of readers", reader)


def _check_text(document: str, what: str, text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refused(
            document, f"{what} holds half a character (U+{ord(text[error.start]):04X})"
        ) from error


def _check_spans(one: IndexedDocument) -> None:
    length = len(one.document.text)
    for chunk in one.chunks:
        span, parent = chunk.span, chunk.parent
        if not 0 <= parent.start <= span.start < span.end <= parent.end <= length:
            raise _refused(
                one.document.id,
                f"a chunk from {span.start} to {span.end} within {parent.start} to {parent.end}"
                f" does not lie in its {length} characters",
            )
        for title in chunk.section:
            _check_text(one.document.id, "the heading of a chunk", title)


def _check_shape(one: IndexedDocument, dimensions: int) -> None:
    shape = None if one.vectors is None else one.vectors.shape
    expected = (len(one.chunks), dimensions) if dimensions else None
    if shape != expected or (one.vectors is not None and one.vectors.dtype != np.float32):
        raise VectorInvalid(
            f"The vectors of the document {one.document.id!r} have the shape {shape}"
            f" where {expected} is kept.",
            remedy="Give one float32 vector of the index's embedder for each chunk.",
        )


def _refused(document: str, why: str) -> DocumentRefused:
    return DocumentRefused(
        f"The document {document.encode('utf-8', 'replace').decode()!r} is not kept: {why}.",
        remedy="Correct the loader or the chunker that made it.",
        document=document.encode("utf-8", "replace").decode(),
    )
