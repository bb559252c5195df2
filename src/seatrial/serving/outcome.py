"""The outcomes of a request, as evidence counts them.

``ok``; ``error:<kind>``, the variant's fault; ``rejected``, the client's fault, no evidence;
``shed``, refused under load, counted apart.
"""

from __future__ import annotations

from typing import Final

from seatrial.kernel.errors import Denied, Invalid, LimitExceeded, NotFound, SeatrialError

OK: Final = "ok"
REJECTED: Final = "rejected"
SHED: Final = "shed"
ERROR: Final = "error:"


def outcome_of(problem: SeatrialError) -> str:
    """The outcome of a request that ended with ``problem``.

    The kind of an error is the last part of its class's code: ``serving.timeout`` is
    ``error:timeout``. A code that a model's process reports is no kind: it may be anything.
    """
    if isinstance(problem, LimitExceeded):
        return SHED if problem.retryable else REJECTED
    if isinstance(problem, Invalid | NotFound | Denied):
        return REJECTED
    return ERROR + type(problem).code.rpartition(".")[2]
