"""What can go wrong with an index that is kept."""

from __future__ import annotations

from seatrial.kernel.errors import Conflict, Denied, Invalid, NotFound, Unavailable


class IndexNotFound(NotFound):
    """There is no index of this name, or it has no such version."""

    code = "rag.index_not_found"


class NotInIndex(NotFound):
    """A version of an index has no such document or chunk."""

    code = "rag.not_in_index"


class IndexNameInvalid(Invalid):
    """A name cannot be that of an index."""

    code = "rag.index_name_invalid"


class KeepInvalid(Invalid):
    """An index cannot keep so few versions."""

    code = "rag.keep_invalid"


class DocumentRefused(Invalid):
    """A document, chunk or vector cannot be kept as it is."""

    code = "rag.document_refused"


class IndexDamaged(Unavailable):
    """A file of an index is not what was written; no question is to blame for it."""

    code = "rag.index_damaged"
    retryable = False


class IndexBeingBuilt(Conflict):
    """Another process builds a version of this index."""

    code = "rag.index_being_built"


class IndexDenied(Denied):
    """The folder of an index may not be read, or not be written."""

    code = "rag.index_denied"


class IndexUnavailable(Unavailable):
    """The drive of an index takes nothing more, or does not answer."""

    code = "rag.index_unavailable"


class Unsupported(Invalid):
    """A store of vectors does not have what was asked of it."""

    code = "rag.unsupported"


class VectorInvalid(Invalid):
    """A vector is not one of this index: another length, not finite, or not of unit length."""

    code = "rag.vector_invalid"
