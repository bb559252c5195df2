"""What a server process says of its readiness; a `serving.health.Readiness` with a memory."""

from __future__ import annotations


class Health:
    """Not ready until `ready` is called, and not while the process drains."""

    def __init__(self) -> None:
        self._reason: str | None = "starting"

    def __call__(self) -> str | None:
        """Why the process should get no requests; None when it should."""
        return self._reason

    def ready(self) -> None:
        """From now on requests are welcome."""
        self._reason = None

    def not_ready(self, reason: str) -> None:
        """From now on send requests elsewhere, because of ``reason``, such as ``draining``."""
        self._reason = reason
