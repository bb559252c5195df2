"""Whether this process lives, and whether it should get requests."""

from __future__ import annotations

import orjson

from seatrial.serving.exchange import JSON, Reply


class Health:
    """What the health routes say; the owner of the process keeps it true.

    Not ready until `ready` is called, and not while versions load for the first time or the process
    drains. Loading a version beside others that answer is no reason to be taken out of service.
    """

    def __init__(self) -> None:
        self._reason: str | None = "starting"

    @property
    def reason(self) -> str | None:
        """Why the process should get no requests; None when it should."""
        return self._reason

    def ready(self) -> None:
        """From now on requests are welcome."""
        self._reason = None

    def not_ready(self, reason: str) -> None:
        """From now on send requests elsewhere, because of ``reason``, such as ``draining``."""
        self._reason = reason


def live_reply() -> Reply:
    """Always 200: a process that answers lives."""
    return Reply(200, b'{"live":true}', JSON)


def ready_reply(health: Health) -> Reply:
    """200 when requests are welcome, else 503 and why."""
    if health.reason is None:
        return Reply(200, b'{"ready":true}', JSON)
    return Reply(503, orjson.dumps({"ready": False, "reason": health.reason}), JSON)


def health_reply(health: Health, version: str, models: dict[str, list[int]]) -> Reply:
    """Readiness with what is served, for people and container health checks."""
    record = {"status": health.reason or "ok", "version": version, "models": models}
    return Reply(200 if health.reason is None else 503, orjson.dumps(record), JSON)
