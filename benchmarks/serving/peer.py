"""What the harness knows of a server: how to install it, start it and talk to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.serving.environment import Environment
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.truth import Files
from benchmarks.serving.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server is started.

    Args:
        environment: with the server installed.
        files: the models.
        folder: its own, for what it writes.
        port: free, on loopback.
    """

    environment: Environment
    files: Files
    folder: Path
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a server is started: arguments, and variables added to a bare environment."""

    args: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """A server in the comparison. Each has one file in ``peers/``; its settings are told there."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def title(self) -> str:
        """As the report's tables call it."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """What pip installs into its environment."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Whose versions the report names."""

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """How to ask it for this; None when it cannot or is not meant to be asked."""

    def prepare(self, place: Place, model: Model) -> None:
        """Write what it starts from: once, not timed."""

    def command(self, place: Place, model: Model) -> Command:
        """How to start it with one model, one worker, on ``place.port``."""
