"""The machine in words, and whether it is quiet enough to believe the figures."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the figures were taken on.

    Args:
        description: processor family, cores, memory, system; no host name.
        busy_share: of all cores, over a second before the run, in [0, 1].
    """

    description: str
    busy_share: float


def describe() -> Machine:
    """Look at this machine for a second."""
    info = Path("/proc/cpuinfo").read_text()
    processor = next(
        (x.split(":", 1)[1].strip() for x in info.splitlines() if x.startswith("model name")),
        platform.machine(),
    )
    cores = psutil.cpu_count() or 1
    memory_gb = psutil.virtual_memory().total / 2**30
    busy_share = psutil.cpu_percent(interval=1) / 100
    return Machine(
        description=(
            f"{cores} cores of {processor}, {memory_gb:.0f} GB of memory, "
            f"Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"Python {platform.python_version()}"
        ),
        busy_share=busy_share,
    )
