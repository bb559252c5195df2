"""What a worker and its engines use of their machine: processor time and memory.

Read once a second on the sync thread, of processes whose ids are known: a few file reads under
/proc each, and no walk over every process of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

_CGROUP = Path("/sys/fs/cgroup")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What some processes use together.

    Args:
        cpu_s: processor time in seconds since they started; that of an engine which ended is lost.
        rss_bytes: resident memory added up, so that pages they share count more than once.
    """

    cpu_s: float
    rss_bytes: int


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to use.

    Args:
        n_cpus: processors this process may use, a fraction under a container's quota.
        memory_bytes: memory of the machine, or of the container if that is less.
    """

    n_cpus: float
    memory_bytes: int


def usage(pids: Iterable[int]) -> Usage:
    """What processes use; one that is gone uses nothing."""
    cpu_s, rss_bytes = 0.0, 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.Error:
            continue
        cpu_s += times.user + times.system
        rss_bytes += memory.rss
    return Usage(cpu_s=cpu_s, rss_bytes=rss_bytes)


def machine(cgroup: Path = _CGROUP) -> Machine:
    """What this process may use; asked for once, it does not change.

    Args: cgroup: where the limits of a container are mounted; version 2, or 1 for the memory.
    """
    n_cpus = float(len(os.sched_getaffinity(0)))
    quota = _words(cgroup / "cpu.max")
    if len(quota) == 2 and quota[0].isdecimal() and int(quota[1]) > 0:
        n_cpus = min(n_cpus, int(quota[0]) / int(quota[1]))
    memory_bytes = psutil.virtual_memory().total
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = _words(cgroup / name)
        if limit and limit[0].isdecimal() and int(limit[0]) > 0:
            memory_bytes = min(memory_bytes, int(limit[0]))
    return Machine(n_cpus=n_cpus, memory_bytes=memory_bytes)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
