"""What a client is told of an error, and what is kept for the server's log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seatrial.kernel.errors import DeadlineExceeded, Invalid, SeatrialError
from seatrial.serving.failures import EngineFailed

if TYPE_CHECKING:
    from seatrial.serving.flight import Flight
    from seatrial.serving.live import LiveVersion

_logger = logging.getLogger(__name__)


class Internal(SeatrialError):
    """Our own fault; the log has the traceback."""

    code = "serving.internal"


class Impatient(Invalid):
    """The answer took longer than the client itself was ready to wait.

    Not a `DeadlineExceeded`: whoever asks for a microsecond must not make a version look slow.
    """

    code = "serving.impatient"


def as_told(problem: Exception, flight: Flight | None) -> SeatrialError:
    """The error to tell the client, and to count."""
    if flight is not None and flight.patience_s and isinstance(problem, DeadlineExceeded):
        return Impatient(
            f"There was no answer within the {flight.patience_s:g} s that the request allows.",
            remedy="Raise its timeout parameter, which is in microseconds, or leave it out.",
            field="timeout",
        )
    if isinstance(problem, SeatrialError):
        return _blamed(problem, flight)
    _logger.error("a request failed unexpectedly", exc_info=problem)
    return Internal(
        f"The server failed: {type(problem).__name__}.",
        remedy="Report it with the server's log; other requests are not affected.",
    )


def _blamed(error: SeatrialError, flight: Flight | None) -> SeatrialError:
    """An error of a version, as the client's where its row is one that no model could answer."""
    if flight is None or flight.pick is None or flight.batch is None:
        return error
    blame = flight.pick.version.blame
    return error if blame is None else blame.of(error, flight.batch)


def without_reason(error: EngineFailed, version: LiveVersion, request_id: str) -> EngineFailed:
    """What a client is told of a model's exception: its text may hold paths, rows or secrets."""
    name = f"{version.endpoint} version {version.version}"
    _logger.error("%s failed on request %s: %s", name, request_id, error.problem)
    return EngineFailed(
        f"The model failed: {name}, request {request_id}.",
        remedy="Test it with the same rows; the server's log has the reason under that id.",
    )
