"""Weights & Biases: a run of ours is sent whole once it has ended, offline into files by default.

`wandb sync` sends those files. What is in them is read back by `wandb_file`, in either mode.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.training.config import WandbConfig
from seatrial.training.runs.failures import TrackerUnavailable
from seatrial.training.runs.run import Point, Run, Status
from seatrial.training.runs.tracker import Kept, tags_of

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_TAG = 60
_WHOLE_S, _POLL_S = 30.0, 0.05


def open_tracker(config: WandbConfig, home: Path) -> WandbTracker:
    """The tracker of a configuration.   Raises: MissingExtra."""
    return WandbTracker(
        home / "wandb",
        mode=config.mode,
        project=config.project,
        entity=config.entity,
    )


class WandbTracker:
    """`training.runs.tracker.Tracker` over W&B's client.

    Args:
        folder: where its files lie.
        mode: ``offline`` or ``online``.
        project, entity: where runs are put.
    Raises: MissingExtra.
    """

    def __init__(self, folder: Path, *, mode: str, project: str, entity: str | None = None) -> None:
        try:
            with ONE_AT_A_TIME:
                import wandb
        except ImportError as error:
            raise MissingExtra("wandb", "wandb") from error
        self._wandb: Any = wandb
        self._folder = folder
        self._mode = mode
        self._project = project
        self._entity = entity

    def keep(self, run: Run, points: Sequence[Point]) -> None:
        """See Tracker; a run that has not ended waits until it has."""
        if run.ending is None or self._done(run).is_file():
            return
        with self._asked():
            self._folder.mkdir(parents=True, exist_ok=True)
            for half in self._folders(run.id):  # killed while it was written
                shutil.rmtree(half)
            self._send(run, points)
            self._await_whole(run)
            self._done(run).touch()

    def find(self, run_id: str) -> Kept | None:
        """See Tracker."""
        from seatrial.adapters.tracking.wandb_file import read_run

        with self._asked():
            for folder in self._folders(run_id):
                return read_run(folder)
        return None

    def close(self) -> None:
        """See Tracker."""

    def _folders(self, run_id: str) -> list[Path]:
        return sorted((self._folder / "wandb").glob(f"*run-*-{id_of(run_id)}"), reverse=True)

    def _done(self, run: Run) -> Path:
        """A file that says that an attempt of a run is there whole."""
        return self._folder / f"{id_of(run.id)}.{run.attempt}.kept"

    def _await_whole(self, run: Run) -> None:
        """W&B's own process writes on for a moment after `finish`.   Raises: TimeoutError."""
        from seatrial.adapters.tracking.wandb_file import read_run

        ends = time.monotonic() + _WHOLE_S
        while not any(read_run(f).status is not Status.RUNNING for f in self._folders(run.id)):
            if time.monotonic() > ends:
                raise TimeoutError(f"it did not write all of {run.id} within {_WHOLE_S:.0f} s")
            time.sleep(_POLL_S)

    def _send(self, run: Run, points: Sequence[Point]) -> None:
        assert run.ending is not None
        wandb = self._wandb
        sent = wandb.init(
            id=id_of(run.id),
            name=run.id,
            project=self._project,
            entity=self._entity,
            dir=str(self._folder),
            mode=self._mode,
            group=run.parent or run.id,
            job_type=run.name,
            notes=run.program,
            tags=[run.ending.outcome.value[:_TAG]],
            config={**run.parameters, "seatrial": tags_of(run)},
            resume="allow" if self._mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True
            ),
        )
        try:
            for step, metrics in by_step(points):
                sent.log({**metrics, **({} if step is None else {"step": step})})
            for name, value in {**run.latest, **run.ending.metrics}.items():
                sent.summary[name] = value
            self._send_files(sent, run)
        except BaseException:
            sent.finish(exit_code=1)
            raise
        sent.finish(exit_code=0 if run.status.value == "finished" else 1)

    def _send_files(self, sent: Any, run: Run) -> None:
        assert run.ending is not None
        folder = Path(run.folder)
        files = [(folder / "out" / a.path, a.path) for a in run.ending.artefacts]
        files.append((folder / "log.txt", "seatrial/log.txt"))
        there = [(file, name) for file, name in files if file.is_file()]
        if not there:
            return
        metadata = {"bundle": run.ending.bundle, "signature": run.ending.signature}
        artefact = self._wandb.Artifact(f"run-{id_of(run.id)}", type="model", metadata=metadata)
        for file, name in there:
            artefact.add_file(str(file), name=name)
        sent.log_artifact(artefact)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever W&B raises, in our words."""
        try:
            yield
        except Exception as problem:
            said = " ".join(str(problem).split())[:400]
            raise TrackerUnavailable(
                f"W&B does not take runs: {type(problem).__name__}: {said}",
                remedy="Set WANDB_API_KEY, or training.wandb.mode to offline; then "
                "`seatrial runs sync` sends what is left.",
            ) from problem


def id_of(run_id: str) -> str:
    """What W&B calls a run: its own id, if that has no sign and no length that W&B refuses."""
    if _ID.match(run_id):
        return run_id
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", run_id)[:40]
    return f"{readable}-{hashlib.sha256(run_id.encode()).hexdigest()[:16]}"


def by_step(points: Sequence[Point]) -> Iterator[tuple[int | None, dict[str, float]]]:
    """Points of one step together, steps in order, those without one last."""
    steps: dict[int | None, dict[str, float]] = {}
    for point in points:
        steps.setdefault(point.step, {})[point.metric] = point.value
    rest = steps.pop(None, None)
    for step in sorted(step for step in steps if step is not None):
        yield step, steps[step]
    if rest is not None:
        yield None, rest
