"""What the harness knows of a gateway: how to install it, start it and ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.serving.environment import Environment
from benchmarks.serving.peer import Command

MODEL = "gpt-4o-mini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a gateway is started.

    Args:
        environment: with the gateway installed.
        folder: its own, for what it writes.
        port: free, on loopback.
        upstream: base URL of the provider, with the version.
    """

    environment: Environment
    folder: Path
    port: int
    upstream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a gateway is asked.

    Args:
        headers: of every request, its key among them.
        path: of the route.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "/v1/chat/completions"
    model: str = MODEL


class Peer(Protocol):
    """A gateway in the comparison. Each has one file in ``peers/``; its settings are told there."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def title(self) -> str:
        """As the report's tables call it."""

    @property
    def duties(self) -> str:
        """What it does besides handing on, as it is set up here; for the page."""

    @property
    def caches(self) -> bool:
        """Whether it is set up to give equal answers again."""

    @property
    def packages(self) -> Mapping[str, str]:
        """Whose versions the report names, and the registry they are from: ``pip`` or ``npm``."""

    def install(self, cache: Path) -> Environment:
        """Its environment, made when absent.   Raises: SetUpFailed."""

    def prepare(self, place: Place) -> Asking:
        """Write what it starts from: once, not timed.   Returns: how it is asked."""

    def command(self, place: Place) -> Command:
        """How to start it, one worker, on ``place.port``."""
