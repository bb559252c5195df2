"""Tells names that are certainly not in a table of SQLite, without asking it."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from seatrial.adapters.store.sqlite_file import SqliteFile

_LOOK_EVERY_S = 0.25
"""How often the table is looked at for names that other processes wrote. While this one writes,
each look reads pages anew; it is a quarter of what answers wait for until they are written."""
_AT_ONCE = 512
_BITS_A_NAME = 32


class Names:
    """Remembers a bit for each name that was in the table at any time.

    What this process is about to write is known at once (`add`), what others wrote within 0.1 s.
    Names that are gone stay known until there are twice as many as the table holds at most; then
    all are read anew.

    Args:
        query: gives ``position, name`` of the rows after a position, in order, at most so many;
            rows that are written later have higher positions.
        most: names that the table holds, >= 1.
        now: monotonic, in s.
    """

    def __init__(self, query: str, *, most: int, now: Callable[[], float]) -> None:
        self._query, self._most, self._now = query, most, now
        self._n_bits = _BITS_A_NAME * most
        self.era = 0
        """How often all names were forgotten, those of this process that wait to be written too."""
        self._begin()

    def _begin(self) -> None:
        self._bits = bytearray(self._n_bits // 8)
        self._n = self._last = 0
        self._looked_at = float("-inf")

    def add(self, name: Hashable) -> None:
        """A name that is going to be in the table."""
        place = hash(name) % self._n_bits
        self._bits[place >> 3] |= 1 << (place & 7)
        self._n += 1

    def wrote(self, before: int, last: int, *, era: int) -> None:
        """This process wrote the rows after a position, up to the last: they need not be looked at.

        Args: era: in which the first of their names was added.
        """
        if self._last == before and era == self.era:
            self._last = last

    def lacks(self, name: Hashable, file: SqliteFile) -> bool:
        """Whether a name is certainly not in the table.

        Args: file: with the table.   Raises: the store's errors.
        """
        now = self._now()
        if now - self._looked_at >= _LOOK_EVERY_S and not self._look(file, now):
            return False
        place = hash(name) % self._n_bits
        return not self._bits[place >> 3] >> (place & 7) & 1

    def _look(self, file: SqliteFile, now: float) -> bool:
        """Take in some names more.   Returns: whether these are all."""
        if self._n > 2 * self._most:
            self.era += 1
            self._begin()
        rows = file.rows(self._query, (self._last, _AT_ONCE))
        for _, name in rows:
            self.add(name)
        if rows:
            self._last = rows[-1][0]
        if len(rows) == _AT_ONCE:
            return False
        self._looked_at = now
        return True
