"""Runs a recipe once in a process of its own, and says what came of it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.adapters.training.child import run_child
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.size import show_size
from seatrial.training.runs.blame import Blame
from seatrial.training.runs.facts import Description
from seatrial.training.runs.failures import outcome_of
from seatrial.training.runs.keeper import Keeper
from seatrial.training.runs.process import Ended, Job, Why
from seatrial.training.runs.recipe import Recipe, filled
from seatrial.training.runs.reports import Reports
from seatrial.training.runs.run import Artefact, Ending, Environment, Outcome, Point, Run
from seatrial.wiring.evaluation.rows import digest

_TAIL = 1 << 14
_MODEL = "model"

OnPoint = Callable[[Point], bool]
"""Told each point; whether to end the run: it leads nowhere."""


@dataclass(slots=True)
class Attempt:
    """A run while it goes on.

    Args:
        recipe: what is run, with its hyperparameters.
        run: as it began.
        keeper: of the run.
        on_point: see `OnPoint`.
        on_progress: told the name and text of what is under way, about once a second; may raise.
        on_live: told points as they come, for those who follow.
    """

    recipe: Recipe
    run: Run
    keeper: Keeper
    on_point: OnPoint
    on_progress: Callable[[str, str], None]
    on_live: Callable[[Run, list[Point]], None]
    _reports: Reports = field(default_factory=Reports)
    _environment: Environment = field(default_factory=Environment)
    _failed: Mapping[str, Any] | None = None
    _done: Mapping[str, Any] = field(default_factory=dict)
    _latest: dict[str, float] = field(default_factory=dict)
    _odd: Point | None = None
    _at: tuple[int, int | None] = (0, None)
    _told_s: float = -1.0
    _bytes: int = 0
    _problem: str = ""
    _is_described: bool = False

    def go(self) -> Ending:
        """Run it to its end.   Raises: what ``on_progress`` and the store raise."""
        job = self._job()
        shutil.rmtree(job.out, ignore_errors=True)  # of an attempt before
        job.out.mkdir(parents=True, exist_ok=True)
        ended = run_child(job, on_event=self._event, on_report=self._reported, on_tick=self._ticked)
        if not self._is_described and self._environment.python:
            self._described(dict(self.run.parameters))
        blame = Blame(job=job, run=self.run.id, odd=self._odd, failed=self._failed)
        error = blame.of(ended, last=lambda: _last_line(job.log))
        model = None if error is not None else _model(job, self._done.get("model"))
        if error is None and model is None and ended.why is not Why.PRUNED:
            error = blame.without_model([path.name for path in _models(job)])
        return Ending(
            outcome=_outcome(ended, error),
            at=datetime.now(UTC),
            seconds=round(ended.seconds, 3),
            peak_bytes=ended.peak_bytes,
            error=None if error is None else error.as_dict(),
            metrics=self._latest,
            model="" if model is None else model.relative_to(job.out).as_posix(),
            artefacts=_artefacts(job.out),
        )

    def _job(self) -> Job:
        recipe, folder = self.recipe, Path(self.run.folder)
        out = folder / "out"
        given = {
            "data": _text(recipe.data),
            "more_data": [str(path) for path in recipe.more_data],
            "warm_start": _text(recipe.warm_start),
            "label": recipe.label,
            "seed": recipe.seed,
            "out": str(out),
        }
        words = {**recipe.values, **given, "model": str(out / _MODEL)}
        return Job(
            folder=folder,
            cwd=recipe.cwd,
            python=recipe.python,
            function=recipe.function,
            command=filled(recipe.command, words),
            values=recipe.values,
            given=given,
            environment=_environment(recipe, given),
            time_s=recipe.time_s,
            memory_bytes=recipe.memory_bytes,
            threads=recipe.threads,
        )

    def _event(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "environment":
                said = {key: value for key, value in event.items() if key != "event"}
                self._environment = Environment(**said)
                if self.recipe.command:
                    self._described(dict(self.recipe.values))
            case "bound":
                self._described(event["parameters"])
            case "done":
                self._done = event
                points = [
                    Point(metric=name, value=float(value), at_s=self._now_s())
                    for name, value in event["metrics"].items()
                ]
                self._take(points)
            case "failed":
                self._failed = event

    def _described(self, parameters: dict[str, Any]) -> None:
        self._is_described = True
        description = Description(parameters=parameters, environment=self._environment)
        self.run = self.keeper.describe(description)
        self.on_live(self.run, [])

    def _reported(self, more: bytes) -> Why | None:
        why = None
        points = []
        for said in self._reports.read(more, at_s=self._now_s()):
            self._problem = said.problem or self._problem
            for point in said.points:
                self._at = (self._at[0] if point.step is None else point.step, said.of)
                points.append(point)
                if math.isfinite(point.value) and self.on_point(point):
                    why = Why.PRUNED
        odd = self._take(points)
        return Why.NOT_FINITE if odd else why

    def _take(self, points: list[Point]) -> bool:
        """Keep them; whether one is not finite."""
        for point in points:
            if math.isfinite(point.value):
                self._latest[point.metric] = point.value
            else:
                self._odd = self._odd or point
        self.keeper.report(points)
        if points:
            self.on_live(self.run, points)
        return self._odd is not None

    def _ticked(self, seconds: float, used: int) -> Why | None:
        if self.keeper.lost:
            return Why.LOST
        self._bytes = used or self._bytes
        if seconds - self._told_s >= 1.0 or self._told_s < 0:
            self._told_s = seconds
            step, of = self._at
            self.keeper.progress(
                seconds=round(seconds, 1), bytes=self._bytes, step=step, of=of, **self._shown()
            )
            self.on_progress("train", self._line(seconds))
        return None

    def _shown(self) -> dict[str, object]:
        return {"metrics": dict(list(self._latest.items())[:8])}

    def _line(self, seconds: float) -> str:
        step, of = self._at
        parts = [show_duration(seconds)]
        if of:
            full = min(20, 20 * step // of)
            parts.append(f"[{'#' * full}{'.' * (20 - full)}] {step:,} of {of:,}")
        elif step:
            parts.append(f"step {step:,}")
        parts += [f"{name} {value:.4g}" for name, value in list(self._latest.items())[:3]]
        return ", ".join([*parts, show_size(self._bytes)] if self._bytes else parts)

    def _now_s(self) -> float:
        return max(0.0, (datetime.now(UTC) - self.run.started_at).total_seconds())

    @property
    def problem(self) -> str:
        """What was wrong with a report, the last time; "" when nothing was."""
        return self._problem


def _environment(recipe: Recipe, given: Mapping[str, object]) -> dict[str, str]:
    """What a program reads that takes no arguments."""
    said = {f"SEATRIAL_{name.upper()}": given[name] for name in ("data", "label", "seed", "out")}
    said |= {f"SEATRIAL_PARAMETER_{name.upper()}": v for name, v in recipe.values.items()}
    said["PYTHONHASHSEED"] = str(recipe.seed)
    return {name: str(value) for name, value in said.items() if value is not None}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _outcome(ended: Ended, error: SeatrialError | None) -> Outcome:
    if error is not None:
        return outcome_of(error)
    return Outcome.PRUNED if ended.why is Why.PRUNED else Outcome.TRAINED


def _model(job: Job, named: object) -> Path | None:
    """The model's file: as the function said, else the only one named ``model``.

    One outside of the run's folder is copied there, so that the run keeps it.
    """
    if named is None:
        found = _models(job)
        return found[0] if len(found) == 1 else None
    path = Path(str(named))
    if not path.is_file():
        return None
    if path.is_relative_to(job.out):
        return path
    copy = job.out / path.name
    copy.write_bytes(path.read_bytes())
    return copy


def _models(job: Job) -> list[Path]:
    return sorted(path for path in job.out.glob(f"{_MODEL}.*") if path.is_file())


def _artefacts(out: Path) -> tuple[Artefact, ...]:
    return tuple(
        Artefact(
            path=path.relative_to(out).as_posix(),
            n_bytes=path.stat().st_size,
            sha256=digest(path),
        )
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.is_symlink()
    )


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else "nothing."
