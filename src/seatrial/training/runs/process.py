"""What a training's process is given, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Why(StrEnum):
    """Why a training was ended by whoever looks after it."""

    TIME = "time"
    MEMORY = "memory"
    NOT_FINITE = "not_finite"
    PRUNED = "pruned"
    LOST = "lost"
    """Somebody else has taken the run over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A process to run.

    Args:
        folder: of the run.
        cwd: where it runs.
        python: interpreter; "" for this one.
        function: as ``file.py:name`` or ``module:name``; None for a command.
        command: program and arguments; empty for a function.
        values: hyperparameters, by name.
        given: what functions may declare besides, by name.
        environment: variables over those of this process.
        time_s: how long it may take.
        memory_bytes: how much it and what it starts may hold; 0 for as much as there is.
        threads: of numeric libraries, or None.
    """

    folder: Path
    cwd: Path
    python: str
    function: str | None
    command: tuple[str, ...]
    values: Mapping[str, object]
    given: Mapping[str, object]
    environment: Mapping[str, str]
    time_s: float
    memory_bytes: int
    threads: int | None

    @property
    def events(self) -> Path:
        """What the program says of itself."""
        return self.folder / "events.jsonl"

    @property
    def report(self) -> Path:
        """What the training reports."""
        return self.folder / "report.jsonl"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log.txt"

    @property
    def out(self) -> Path:
        """Where it leaves files."""
        return self.folder / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that is gone.

    Args:
        code: exit code; below 0 for a signal.
        why: it was ended, or None when it ended by itself.
        seconds: it ran.
        peak_bytes: most memory that was seen in use.
    """

    code: int
    why: Why | None
    seconds: float
    peak_bytes: int
