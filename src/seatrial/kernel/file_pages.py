"""Gives back what a process holds of files that it has mapped, such as libraries it has loaded.

Importing a library runs through much of its code once. A process that only waits afterwards still
counts all of that as its memory. Given back, a page comes from the page cache when it is touched
again. Nothing happens where the system is not Linux.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

_SMAPS = Path("/proc/self/smaps")
_BEGIN = re.compile(r"^(?=[0-9a-f]+-[0-9a-f]+ )", re.MULTILINE)
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-.p \S+ \S+ \d+ +/")
_NONE_OF = tuple(re.compile(rf"^{what}: +0 kB$", re.MULTILINE) for what in ("Anonymous", "Swap"))
_DONTNEED = 4


def release_file_pages() -> int:
    """Give back the unwritten pages of mapped files; returns the bytes that they may have been."""
    try:
        text = _SMAPS.read_text(encoding="utf-8", errors="replace")
        advise = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, AttributeError):
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return sum(size for start, size in unwritten(text) if advise(start, size, _DONTNEED) == 0)


def unwritten(smaps: str) -> Iterator[tuple[int, int]]:
    """Address and size of mappings of files that can neither be written nor ever were.

    Where a loader has put addresses into a page, in memory or swapped out, the file does not hold
    what the page does.

    Args: smaps: as ``/proc/self/smaps`` has it.
    """
    for mapping in _BEGIN.split(smaps):
        found = _MAPPING.match(mapping)
        if found and all(none.search(mapping) for none in _NONE_OF):
            start, end = int(found[1], 16), int(found[2], 16)
            yield start, end - start
