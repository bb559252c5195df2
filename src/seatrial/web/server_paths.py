"""Keeps the places of the server's files out of what clients are told; the log has them whole."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final, TypeVar

from seatrial.kernel.errors import SeatrialError

_log = logging.getLogger(__name__)

_QUOTED: Final = re.compile(r"""(?<=(['"`]))/[^\n/'"`]+/[^\n'"`]*(?=\1)""")
_BARE: Final = re.compile(r"""(?<![\w.~…:/\\-])/[^\s/'"`]+/[^\s'"`,;:()]*""")
"""Of two names at least. What follows a word or a scheme is no path: ``text/csv``, an address."""

_E = TypeVar("_E", bound=SeatrialError)


def without_places(error: _E) -> _E:
    """An error whose words name files of this machine by their last name only.

    The same error where they name none; otherwise a copy, and the log gets the original.
    """
    problem, remedy = shortened(error.problem), shortened(error.remedy)
    if (problem, remedy) == (error.problem, error.remedy):
        return error
    _log.warning("told to a client without the places of files: %s %s", error.code, error)
    told = type(error).__new__(type(error))  # their own constructors take other arguments
    told.__dict__.update(error.__dict__)
    told.problem, told.remedy = problem, remedy
    told.args = (f"{problem} {remedy}",)
    return told


def shortened(text: str) -> str:
    """A text with ``…/name`` for each path that begins in a folder of this machine.

    A route, which begins in none, stays as it is.
    """
    if "/" not in text:
        return text
    return _BARE.sub(_last_name, _QUOTED.sub(_last_name, text))


def _last_name(found: re.Match[str]) -> str:
    path = found.group().rstrip(".")
    if not Path("/", path.split("/")[1]).is_dir():
        return found.group()
    return f"…/{path.rstrip('/').rpartition('/')[2]}{found.group()[len(path) :]}"
