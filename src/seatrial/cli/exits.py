"""Exit codes, by kind of error. Documented in docs/reference/commands.md."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from seatrial.kernel import errors


class Exit(IntEnum):
    """What the exit code of a command means."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    GATE_FAILED = 3
    INCONCLUSIVE = 4
    INVALID = 5
    NOT_FOUND = 6
    DENIED = 7
    CONFLICT = 8
    LIMIT = 9
    UNAVAILABLE = 10
    MISSING_EXTRA = 11
    INTERRUPTED = 130


_BY_KIND: Mapping[type[errors.SeatrialError], Exit] = {
    errors.Invalid: Exit.INVALID,
    errors.NotFound: Exit.NOT_FOUND,
    errors.Denied: Exit.DENIED,
    errors.Conflict: Exit.CONFLICT,
    errors.LimitExceeded: Exit.LIMIT,
    errors.DeadlineExceeded: Exit.UNAVAILABLE,
    errors.Unavailable: Exit.UNAVAILABLE,
    errors.MissingExtra: Exit.MISSING_EXTRA,
}


def exit_of(error: errors.SeatrialError) -> Exit:
    """The exit code for an error: that of its kind."""
    for kind, code in _BY_KIND.items():
        if isinstance(error, kind):
            return code
    return Exit.UNEXPECTED
