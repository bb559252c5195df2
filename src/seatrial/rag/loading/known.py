"""The digests that are known already, by document id, and those of what is attached to one."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property


class Known:
    """Digests by document id. May be read from several threads at once."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._digests = digests

    def has(self, name: str, digest: str) -> bool:
        """Whether a document is known with just this digest."""
        return self._digests.get(name) == digest

    def attached_to(self, name: str, digest: str) -> Iterator[tuple[str, str]]:
        """Ids and digests of what is known to be attached to a document with this digest."""
        if not self._parts:
            return
        start = f"{name}#"
        for index in range(bisect_left(self._parts, start), len(self._parts)):
            other = self._parts[index]
            if not other.startswith(start):
                return
            if self._digests[other] == attached_digest(digest, other):
                yield other, self._digests[other]

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
