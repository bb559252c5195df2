"""Where people and programs look at runs: the same for command, API and console."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from seatrial.kernel.store import Store
from seatrial.release.projection import Endpoints
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.keeper import LEASE_S, name_of
from seatrial.training.runs.run import Point, Run, Status

INTERRUPTED = "interrupted"
"""How a run stands whose process is gone, before anybody has said so in a fact."""

MOST_DRAWN = 500
"""Points of a metric that are given out for a picture."""


class RunDesk:
    """Looks at the runs of a store. All calls block; thread-safe.

    Args: store: stays the caller's to close.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._book = RunBook(store)
        self._endpoints = Endpoints(store)
        self._lock = threading.Lock()

    def runs(self, *, name: str = "", parent: str | None = None) -> list[dict[str, Any]]:
        """Runs in short, the newest first.

        Args:
            name: of a training; "" for all.
            parent: trials of that search alone; None for what is no trial.
        """
        with self._lock:
            found = self._book.all()
        beats = self._beats()  # after the runs: one that begins in between has one
        return [
            brief(run, beats.get(run.id))
            for run in found
            if run.parent == parent and name in ("", run.name)
        ]

    def run(self, run_id: str) -> dict[str, Any]:
        """All of a run, by its id or how that begins.   Raises: UnknownRun."""
        with self._lock:
            run = self._book.get(run_id)
            points = self._book.points(run.id)
            n_left_out = self._book.n_left_out(run.id)
        beats = self._beats()
        return {
            **whole(run, beats.get(run.id)),
            "curves": curves(points),
            "n_points": len(points),
            "n_left_out": n_left_out,
            "trials": self.runs(parent=run.id),
            "versions": self._versions(None if run.ending is None else run.ending.bundle),
        }

    def compared(self, first: str, second: str) -> dict[str, Any]:
        """Two runs side by side: what differs in them, and every metric.   Raises: UnknownRun."""
        return beside(self.run(first), self.run(second))

    def names(self) -> list[str]:
        """The trainings that have runs, sorted."""
        with self._lock:
            return sorted({run.name for run in self._book.all()})

    def _versions(self, bundle: str | None) -> list[dict[str, Any]]:
        """The versions that were released of a bundle."""
        if bundle is None:
            return []
        with self._lock:
            self._endpoints.refresh()
            return [
                {"endpoint": name, "version": number}
                for name in self._endpoints.names()
                for number, digest in self._endpoints.get(name).digests.items()
                if digest == bundle
            ]

    def _beats(self) -> dict[str, Mapping[str, object]]:
        prefix = name_of("")
        return {
            beat.name.removeprefix(prefix): beat.data
            for beat in self._store.present(prefix, within_s=LEASE_S)
        }


def brief(run: Run, beat: Mapping[str, object] | None) -> dict[str, Any]:
    """A run in a line.   Args: beat: its newest word, or None."""
    ending = run.ending
    status: str = run.status.value
    if run.status is Status.RUNNING and beat is None:
        status = INTERRUPTED
    return {
        "id": run.id,
        "name": run.name,
        "status": status,
        "outcome": None if ending is None else ending.outcome.value,
        "problem": None if ending is None else (ending.error or {}).get("problem"),
        "started_at": run.started_at.isoformat(),
        "seconds": None if ending is None else ending.seconds,
        "parameters": dict(run.parameters),
        "metrics": {k: v for k, v in run.latest.items() if math.isfinite(v)},
        "against_constant": None if ending is None else ending.against.value,
        "bundle": None if ending is None else ending.bundle,
        "best": None if ending is None else ending.best,
        "parent": run.parent,
        "number": run.number,
        "progress": dict(beat) if beat is not None and ending is None else None,
    }


def whole(run: Run, beat: Mapping[str, object] | None) -> dict[str, Any]:
    """All that is known of a run but its points."""
    ending = run.ending
    return {
        **brief(run, beat),
        "program": run.program,
        "folder": run.folder,
        "by": run.by,
        "seed": run.seed,
        "label": run.label,
        "attempt": run.attempt,
        "data": msgspec.to_builtins(run.data),
        "data_digest": run.data_digest,
        "code": msgspec.to_builtins(run.code),
        "environment": msgspec.to_builtins(run.environment),
        "ended_at": None if ending is None else ending.at.isoformat(),
        "peak_bytes": None if ending is None else ending.peak_bytes,
        "error": None if ending is None else ending.error,
        "model": None if ending is None else ending.model or None,
        "artefacts": [] if ending is None else msgspec.to_builtins(ending.artefacts),
        "signature": None if ending is None else ending.signature,
        "trackers": dict(run.sent),
    }


def curves(points: Sequence[Point]) -> dict[str, list[list[float | None]]]:
    """Step and value of each metric that has steps, thinned evenly; None for what is not finite."""
    found: dict[str, list[list[float | None]]] = {}
    for point in points:
        if point.step is not None:
            value = point.value if math.isfinite(point.value) else None
            found.setdefault(point.metric, []).append([point.step, value])
    return {name: _thinned(rows) for name, rows in found.items()}


def _thinned(rows: list[list[float | None]]) -> list[list[float | None]]:
    """At most `MOST_DRAWN`, the first and the last among them."""
    rows = sorted(rows, key=lambda row: row[0] or 0)
    n = len(rows)
    if n <= MOST_DRAWN:
        return rows
    return [rows[round(i * (n - 1) / (MOST_DRAWN - 1))] for i in range(MOST_DRAWN)]


def beside(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What differs between two runs, and their metrics; pure.

    Args: as `RunDesk.run` gives them.
    """
    facts: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
        "program": lambda run: run["program"],
        "seed": lambda run: run["seed"],
        "data_digest": lambda run: run["data_digest"],
        "commit": lambda run: run["code"]["commit"],
        "code": lambda run: dict(run["code"]["files"]),
        "python": lambda run: run["environment"]["python"],
        "outcome": lambda run: run["outcome"],
    }
    return {
        "runs": [first["id"], second["id"]],
        "differ": {
            name: [ask(first), ask(second)]
            for name, ask in facts.items()
            if ask(first) != ask(second)
        },
        "parameters": _pairs(first["parameters"], second["parameters"], alike=False),
        "packages": _pairs(
            first["environment"]["packages"], second["environment"]["packages"], alike=False
        ),
        "metrics": _pairs(first["metrics"], second["metrics"], alike=True),
    }


def _pairs(
    first: Mapping[str, Any], second: Mapping[str, Any], *, alike: bool
) -> dict[str, list[Any]]:
    """Values of both by name, None where one has none.   Args: alike: those that are, too."""
    names = dict.fromkeys((*first, *second))
    return {
        name: [first.get(name), second.get(name)]
        for name in names
        if alike or first.get(name) != second.get(name)
    }
