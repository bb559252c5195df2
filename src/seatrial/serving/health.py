"""Whether this process lives, and whether it should get requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import orjson

from seatrial.serving.exchange import JSON, Reply

Readiness: TypeAlias = Callable[[], str | None]
"""Why the process should get no requests at present, such as ``loading``; None when it should."""


def always_ready() -> str | None:
    """The readiness of a process that has nothing to wait for."""
    return None


def live_reply() -> Reply:
    """Always 200: a process that answers lives."""
    return Reply(200, b'{"live":true}', JSON)


def ready_reply(reason: str | None) -> Reply:
    """200 when requests are welcome, else 503 and why."""
    if reason is None:
        return Reply(200, b'{"ready":true}', JSON)
    return Reply(503, orjson.dumps({"ready": False, "reason": reason}), JSON)


def health_reply(reason: str | None, version: str, models: Mapping[str, Sequence[int]]) -> Reply:
    """Readiness with what is served, for people and container health checks."""
    record = {"status": reason or "ok", "version": version, "models": models}
    return Reply(200 if reason is None else 503, orjson.dumps(record), JSON)
