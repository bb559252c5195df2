"""What goes wrong in models, on demand: the first column of a row says what shall happen."""

from __future__ import annotations

import os
import time
from typing import Any

CRASH, HANG, LEAK, FAIL, SLOW = 1001.0, 1002.0, 1003.0, 12.0, 1005.0
LEAKED_BYTES = 64 << 20

_leaked: list[bytearray] = []


def fails(rows: Any) -> Any:
    """Raise for some rows."""
    if (rows[:, 0] == FAIL).any():
        raise ValueError("a logarithm of something below zero")
    return rows


def slows(rows: Any) -> Any:
    """Take long for some rows."""
    if (rows[:, 0] == SLOW).any():
        time.sleep(0.5)
    return rows


def obeys(rows: Any) -> Any:
    """Do what a row says, in the worst way."""
    wish = set(rows[:, 0])
    if CRASH in wish:
        os.abort()
    if HANG in wish:
        time.sleep(3600)
    if LEAK in wish:
        _leaked.append(bytearray(os.urandom(1 << 20) * (LEAKED_BYTES >> 20)))
    return fails(rows)
