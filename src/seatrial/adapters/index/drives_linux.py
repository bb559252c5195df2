"""What of drives and of the clock says whether times of files can be trusted, on Linux."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MOUNTS = Path("/proc/self/mountinfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")

_OWN_CLOCK = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}
)
"""File systems that stamp each change by the clock of this machine, at least once a second. Not
among them are those of a network, whose times are of another clock and come late, those of programs
(FUSE), which may do as they like, and FAT, whose clock ticks every other second."""


class BootClock(NamedTuple):
    """The clock of this boot of the machine.

    Args:
        boot: another one after each start.
        least_ns, most_ns: between these lies its time less that since the start, which changes
            only where somebody sets the clock.
    """

    boot: str
    least_ns: int
    most_ns: int


def boot_clock() -> BootClock | None:
    """As it is now; None where the system does not say."""
    with suppress(OSError, UnicodeDecodeError):
        boot = _BOOT.read_text("ascii").strip()
        before = time.time_ns()
        since_start = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return BootClock(boot, before - since_start, time.time_ns() - since_start)
    return None


def trusted_devices(paths: Iterable[Path]) -> frozenset[int]:
    """The devices of these files and folders, less those whose times cannot be trusted."""
    mounts = _mounts()
    found = set()
    for path in paths:
        with suppress(OSError, ValueError):
            real = os.path.realpath(path, strict=True)
            if _kind(real, mounts) in _OWN_CLOCK:
                found.add(os.stat(real).st_dev)  # noqa: PTH116  it is a string
    return frozenset(found)


def _mounts() -> list[tuple[str, str]]:
    """Where each file system is mounted, and of which kind it is; later ones lie over earlier."""
    found = []
    with suppress(OSError):
        for line in _MOUNTS.read_bytes().splitlines():
            fields, _, about = line.partition(b" - ")
            place = re.sub(rb"\\([0-7]{3})", _sign, fields.split(b" ")[4])
            found.append((os.fsdecode(place), os.fsdecode(about.split(b" ")[0])))
    return found


def _sign(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 8)])


def _kind(path: str, mounts: Iterable[tuple[str, str]]) -> str:
    """The kind of file system that a path without links lies on."""
    longest, found = "", ""
    for place, kind in mounts:
        inside = path == place or path.startswith(place if place.endswith("/") else f"{place}/")
        if inside and len(place) >= len(longest):
            longest, found = place, kind
    return found
