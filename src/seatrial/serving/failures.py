"""What can go wrong with an engine that runs apart from the server.

All are the version's fault, never the client's: a gate counts them as errors.
"""

from __future__ import annotations

from seatrial.kernel.errors import SeatrialError, Unavailable


class EngineFailed(SeatrialError):
    """The model raised, or answered something that is no prediction."""

    code = "engine.failed"


class EngineOutOfMemory(Unavailable):
    """The model wanted more memory than its process may use."""

    code = "engine.out_of_memory"
