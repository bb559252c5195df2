"""What the drive says of a file, its stamp: where it is what it was, the file is not read again.

Whenever bytes of a file change, the system sets the time of its last change (ctime) to now, and it
lets nobody set that to anything else. So with an equal stamp a file holds what was read, unless it
changed again within the same tick of the clock. What changed just before it was read gets no stamp,
therefore, and is read the next time as well. Whether drives and clock can be trusted so far is for
those to say who keep stamps. Source: https://git-scm.com/docs/racy-git
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from operator import attrgetter
from typing import Protocol, TypeAlias

import msgspec

SETTLED_NS = 1_100_000_000
"""How long before it is read a file must have been changed last, to get a stamp: a second for the
coarsest clock of a drive that is trusted, and a tenth for systems, whose own clocks lag by up to a
hundredth, and for as much as one may be set back unnoticed."""

Stamp: TypeAlias = tuple[int, int, int, int, int]
"""Device, number (inode), bytes, and the times of the last writing and of the last change in
nanoseconds."""


class Status(Protocol):
    """Of a file, as `os.fstat` gives it."""

    @property
    def st_dev(self) -> int:
        """Device."""

    @property
    def st_ino(self) -> int:
        """Number."""

    @property
    def st_size(self) -> int:
        """Bytes."""

    @property
    def st_mtime_ns(self) -> int:
        """Time of the last writing."""

    @property
    def st_ctime_ns(self) -> int:
        """Time of the last change."""


_stamp: Callable[[Status], Stamp] = attrgetter(
    "st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"
)


class Stamped(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is known of a file.

    Args:
        reading: how it was read, see `Treatment.reading`.
        digest: of the file where it is one document; of its documents, see `Given`, where it is
            cut into many.
    """

    stamp: Stamp
    reading: str
    digest: str


class Stamps:
    """Stamps of the files that were read before, and of those that are read now. May be used from
    several threads at once.

    Args:
        known: by the name of the source.
        devices: those whose times can be trusted; of files on others nothing is known or noted.
        now: nanoseconds since 1970, by the clock that files are stamped by.
    """

    def __init__(
        self, known: Mapping[str, Stamped], *, devices: AbstractSet[int], now: Callable[[], int]
    ) -> None:
        self._known = known
        self._devices = devices
        self.now = now
        self.seen: dict[str, Stamped] = {}
        """Those of files that came in this run: what is to be known in the next."""

    def digest(self, name: str, status: Status, reading: str) -> str | None:
        """The digest of a file that is as it was when it was read so; None where it must be read
        to know."""
        one = self._known.get(name)
        if one is None or one.reading != reading or one.stamp != _stamp(status):
            return None
        if status.st_dev not in self._devices:
            return None
        self.seen[name] = one
        return one.digest

    def note(self, name: str, status: Status, reading: str, digest: str, *, at: int) -> None:
        """A file was read.

        Args:
            status: of the open file, before it was read.
            at: `now`, before that.
        """
        if status.st_dev not in self._devices or status.st_ctime_ns + SETTLED_NS > at:
            return
        now, before = Stamped(_stamp(status), reading, digest), self.seen.get(name)
        if before is None or before.stamp == now.stamp:  # else it is another file of this name
            self.seen[name] = now


def no_stamps() -> Stamps:
    """Those of nothing: every file is read."""
    return Stamps({}, devices=frozenset(), now=lambda: 0)


class Given:
    """A digest over ids and digests of documents, in whatever order they come."""

    def __init__(self, documents: Iterable[tuple[str, str]] = ()) -> None:
        self._sum = 0
        for name, digest in documents:
            self.add(name, digest)

    def add(self, name: str, digest: str) -> None:
        """One document more."""
        one = sha256(f"{name}\0{digest}".encode("utf-8", "surrogatepass"))
        self._sum += int.from_bytes(one.digest(), "big")

    def hexdigest(self) -> str:
        """Of all that came."""
        return f"{self._sum % 2**256:064x}"
