"""The digests that are known already, by document id, and those of what is attached to one."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property

from seatrial.rag.loading.outcome import Unchanged


class Known:
    """Digests by document id. May be read from several threads at once."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._digests = digests

    def unchanged(self, name: str, digest: str) -> list[Unchanged] | None:
        """A document that is known with just this digest, and all that is known to be attached to
        it; None where it is not."""
        if self._digests.get(name) != digest:
            return None
        found = [Unchanged(name, digest)]
        if self._parts:
            found += [
                Unchanged(other, own)
                for other, own in self.parts_of(name)
                if own == attached_digest(digest, other)
            ]
        return found

    def parts_of(self, name: str) -> list[tuple[str, str]]:
        """Ids and digests of all that is known to be a part of a source, or of a document."""
        start = bisect_left(self._parts, f"{name}#")
        end = bisect_left(self._parts, f"{name}$", start)  # the sign after #
        return [(other, self._digests[other]) for other in self._parts[start:end]]

    @cached_property
    def _parts(self) -> list[str]:
        """Ids of what is a part of something, sorted."""
        return sorted(name for name in self._digests if "#" in name)


def attached_digest(digest: str, name: str) -> str:
    """The digest of what is attached to a document.

    Args:
        digest: of the document, over all its bytes.
        name: id of what is attached.
    """
    return hashlib.sha256(f"{digest} {name}".encode()).hexdigest()


def part_id(name: str, part: str) -> str:
    """The id of a part of a source; a ``#`` within the part's own name becomes ``%23``."""
    return f"{name}#{part.replace('#', '%23')}" if part else name
