"""MLflow's tracking: a run of ours is one of MLflow's, found again by its tag.

A run that was killed and began anew is another run of MLflow's; the one before is marked killed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from seatrial.adapters.tracking.mlflow_folder import is_folder, opened_as
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.training.config import MlflowConfig
from seatrial.training.runs.failures import TrackerRefuses, TrackerUnavailable
from seatrial.training.runs.run import Point, Run, Status
from seatrial.training.runs.tracker import Kept, tags_of

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

_RUN, _ATTEMPT = "seatrial.run", "seatrial.attempt"
_TO = {Status.RUNNING: "RUNNING", Status.FINISHED: "FINISHED", Status.FAILED: "FAILED"}
_FROM = {word: status for status, word in _TO.items()} | {"KILLED": Status.PRUNED}
_BATCH = 900
_LONGEST = 5_000
_DIGEST = 36
_CONTEXT = {"data": "training", "more_data": "training", "holdout": "evaluation"}
_REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "PERMISSION_DENIED"}
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def open_tracker(config: MlflowConfig, home: Path) -> MlflowTracker:
    """The tracker of a configuration.   Raises: MissingExtra, TrackerUnavailable."""
    timeout = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, round(config.timeout)))}
    for name, value in (_QUIET | timeout).items():  # MLflow has no other place for these
        os.environ.setdefault(name, value)
    if config.uri:
        return MlflowTracker(config.uri, experiment=config.experiment)
    uri = f"sqlite:///{_made(home / 'mlflow.db')}"
    return MlflowTracker(uri, experiment=config.experiment, artefacts=home / "mlflow")


def _made(file: Path) -> Path:
    """A database with MLflow's tables, made beside its place: MLflow never recovers from being
    killed while it makes them, which takes it seconds."""
    if not file.exists():
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        MlflowTracker(f"sqlite:///{draft}").find("none")
        with suppress(FileExistsError):  # another process was faster
            file.hardlink_to(draft)
        draft.unlink()
    return file


class MlflowTracker:
    """`training.runs.tracker.Tracker` over a server, a database or a folder.

    Args:
        uri: of it, such as ``http://127.0.0.1:5000`` or ``sqlite:///FILE``; a path of a folder.
        experiment: where runs are put; "" for one by the name of each training.
        artefacts: where files of new experiments lie; None where a server says so.
    Raises: MissingExtra; TrackerUnavailable.
    """

    def __init__(self, uri: str, *, experiment: str = "", artefacts: Path | None = None) -> None:
        self._experiment = experiment
        self._artefacts = artefacts
        self._uri = opened_as(uri)
        with self._asked():
            self._client = _client(self._uri)
        self._ids: dict[tuple[str, int], str] = {}

    def keep(self, run: Run, points: Sequence[Point]) -> None:
        """See Tracker."""
        with self._asked():
            id_ = self._id_of(run)
            self._log(id_, run, points)
            if run.ending is not None:
                self._log_files(id_, run)
                status = _TO.get(run.status, "KILLED")
                self._client.set_terminated(id_, status, end_time=_ms(run.ending.at))

    def find(self, run_id: str) -> Kept | None:
        """See Tracker."""
        with self._asked():
            found = self._found(run_id)
            if found is None:
                return None
            data, id_ = found.data, found.info.run_id
            history = {
                name: [(int(m.step), float(m.value)) for m in self._history(id_, name)]
                for name in data.metrics
            }
            return Kept(
                name=found.info.run_name,
                status=_FROM.get(found.info.status, Status.FAILED),
                parameters=dict(data.params),
                metrics=dict(data.metrics),
                history=history,
                tags={k: v for k, v in data.tags.items() if k.startswith("seatrial.")},
                artefacts=tuple(sorted(self._files(id_, ""))),
            )

    def close(self) -> None:
        """See Tracker."""

    def _id_of(self, run: Run) -> str:
        """The run of MLflow's, made if it is not there."""
        key = (run.id, run.attempt)
        if key not in self._ids:
            found = self._found(run.id)
            if found is None or found.data.tags.get(_ATTEMPT) != str(run.attempt):
                if found is not None and found.info.status == "RUNNING":
                    self._client.set_terminated(found.info.run_id, "KILLED")
                found = self._made(run)
            self._ids[key] = found.info.run_id
        return self._ids[key]

    def _made(self, run: Run) -> Any:
        from mlflow.utils.mlflow_tags import (
            MLFLOW_GIT_COMMIT,
            MLFLOW_PARENT_RUN_ID,
            MLFLOW_SOURCE_NAME,
            MLFLOW_USER,
        )

        tags = tags_of(run) | {MLFLOW_SOURCE_NAME: run.program[:_LONGEST], MLFLOW_USER: run.by}
        if run.code.commit:
            tags[MLFLOW_GIT_COMMIT] = run.code.commit
        if run.parent is not None and (parent := self._found(run.parent)) is not None:
            tags[MLFLOW_PARENT_RUN_ID] = parent.info.run_id
        made = self._client.create_run(
            self._experiment_of(run), start_time=_ms(run.started_at), tags=tags, run_name=run.id
        )
        self._log_inputs(made.info.run_id, run)
        return made

    def _experiment_of(self, run: Run) -> str:
        name = self._experiment or run.name
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = None if self._artefacts is None else (self._artefacts / name).resolve().as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))

    def _found(self, run_id: str) -> Any:
        """The newest attempt of a run, or None."""
        name = run_id.replace("'", "")
        ids = [e.experiment_id for e in self._client.search_experiments()]
        runs = self._client.search_runs(ids, f"tags.`{_RUN}` = '{name}'") if ids else []
        return max(runs, key=lambda r: int(r.data.tags.get(_ATTEMPT, 0)), default=None)

    def _log(self, id_: str, run: Run, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        tags = [RunTag(k, v[:_LONGEST]) for k, v in tags_of(run).items()]
        params = []
        if run.environment.python or run.ending is not None:  # before, defaults are not known
            params = [Param(k, _text(v)) for k, v in run.parameters.items()]
        for at in range(0, max(1, len(params)), 90):
            self._client.log_batch(id_, params=params[at : at + 90], tags=[] if at else tags)
        start = _ms(run.started_at)
        metrics = [
            Metric(p.metric, p.value, start + round(p.at_s * 1e3), p.step or 0) for p in points
        ]
        if run.ending is not None:  # what was measured when it was over has no point of its own
            told = {p.metric for p in points}
            ended = _ms(run.ending.at)
            known = set(self._client.get_run(id_).data.metrics) | told
            more = {k: v for k, v in run.ending.metrics.items() if k not in known}
            metrics += [Metric(name, value, ended, 0) for name, value in more.items()]
        if is_folder(self._uri):
            metrics = self._not_there(id_, metrics)
        for at in range(0, len(metrics), _BATCH):
            self._client.log_batch(id_, metrics=metrics[at : at + _BATCH])

    def _not_there(self, id_: str, metrics: Sequence[Metric]) -> list[Metric]:
        """Those that a folder does not have: what it is told twice it shows twice."""
        there = {
            (name, one.timestamp, one.step)
            for name in {metric.key for metric in metrics}
            for one in self._client.get_metric_history(id_, name)
        }
        return [one for one in metrics if (one.key, one.timestamp, one.step) not in there]

    def _log_inputs(self, id_: str, run: Run) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(
                    name=Path(file.path).name,
                    digest=file.sha256[:_DIGEST],
                    source_type="local",
                    source=msgspec.json.encode({"uri": file.path}).decode(),
                ),
                [InputTag("mlflow.data.context", _CONTEXT[file.role])],
            )
            for file in run.data
            if file.role in _CONTEXT
        ]
        if inputs:
            self._client.log_inputs(id_, datasets=inputs)

    def _log_files(self, id_: str, run: Run) -> None:
        assert run.ending is not None
        folder = Path(run.folder)
        for artefact in run.ending.artefacts:
            file = folder / "out" / artefact.path
            if file.is_file():
                parent = Path(artefact.path).parent.as_posix()
                self._client.log_artifact(id_, str(file), None if parent == "." else parent)
        if (folder / "log.txt").is_file():
            self._client.log_artifact(id_, str(folder / "log.txt"), "seatrial")
        said: dict[str, Mapping[str, Any] | None] = {
            "environment": msgspec.to_builtins(run.environment),
            "signature": run.ending.signature,
        }
        for name, record in said.items():
            if record:
                self._client.log_dict(id_, dict(record), f"seatrial/{name}.json")

    def _history(self, id_: str, name: str) -> list[Any]:
        return sorted(
            self._client.get_metric_history(id_, name), key=lambda m: (m.timestamp, m.step)
        )

    def _files(self, id_: str, under: str) -> Iterator[str]:
        for file in self._client.list_artifacts(id_, under or None):
            if file.is_dir:
                yield from self._files(id_, file.path)
            else:
                yield str(file.path)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever MLflow raises, in our words."""
        try:
            yield
        except MissingExtra:
            raise
        except Exception as problem:
            code = getattr(problem, "error_code", "")
            said = " ".join(str(getattr(problem, "message", "") or problem).split())[:400]
            if code in _REFUSALS:
                raise TrackerRefuses(
                    f"MLflow refuses the run: {said}", remedy="Correct what it names."
                ) from problem
            raise TrackerUnavailable(
                f"MLflow at {self._uri} does not take runs: {said}",
                remedy="See that it runs there; then `seatrial runs sync` sends what is left.",
            ) from problem


def _client(uri: str) -> MlflowClient:
    try:
        with ONE_AT_A_TIME:
            from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingExtra("mlflow", "mlflow") from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _text(value: object) -> str:
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode())[:_LONGEST]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1e3)
