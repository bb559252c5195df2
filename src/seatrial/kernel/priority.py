"""Who goes first on a machine: answers, and then everything else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_NICE = 10
"""How far: a tenth of a worker's share where they share a core."""


def stand_back() -> None:
    """Let those who answer go first, as far as this thread and what it starts are concerned.

    Once more, and it stands further back. Where the system knows no such thing for a single thread,
    nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.nice(_NICE)
