"""Gathers the rows a model is trained anew on: from the log, the feature store, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.kernel.store import FactLog
from seatrial.monitoring.watching.data_config import ColumnsConfig, DataConfig
from seatrial.training.retraining.gathering import Gathering, LabelledRows, values_of
from seatrial.wiring.retraining.log import LoggedRows, Say, Wanted, start_of, told
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import Workspace

_N_TOLD = 12


def gather(
    workspace: Workspace, log: FactLog, wanted: Wanted, *, folder: Path, say: Say
) -> LabelledRows:
    """The labelled rows, the oldest first.

    Args:
        folder: for files on the way.
        say: told what a person should know.
    Raises: NothingLogged; what sources, Feast and bundles raise.
    """
    match wanted.config.data.source:
        case "log":
            return LoggedRows(workspace, log, wanted, say).gather()
        case "features":
            return _from_features(workspace, wanted, folder, say)
        case "table":
            table = wanted.config.data.table
            assert table is not None
            return _from_table(table, wanted, start_of(workspace), say)


def _from_table(table: DataConfig, wanted: Wanted, folder: Path, say: Say) -> LabelledRows:
    label = wanted.config.label
    columns = table.columns.model_copy(update={"label": label}).columns()
    source = open_source(table, folder=folder, columns=columns)
    gathering: Gathering | None = None
    for chunk in source.chunks():
        for problem in chunk.problems:
            say(problem.message)
        if gathering is None:
            names = chunk.columns.features_of(chunk.table)
            if left := _left_out(wanted, names):
                say(f"left out, since the version in production does not take them: {left}")
            gathering = _gathering(wanted, _names(wanted, names))
        labels = chunk.table.columns.get(label)
        if labels is not None and chunk.table.n:
            values = {name: values_of(c) for name, c in chunk.table.columns.items()}
            gathering.add(values, values_of(labels), chunk.table.at)
    assert gathering is not None  # a source yields at least one chunk
    return told(gathering, say)


def _from_features(workspace: Workspace, wanted: Wanted, folder: Path, say: Say) -> LabelledRows:
    from seatrial.wiring.training.sets import TrainingOrder, write_training_set

    data = wanted.config.data
    assert data.entities is not None
    into = folder / "features.parquet"
    written = write_training_set(
        workspace,
        TrainingOrder(
            entities=start_of(workspace) / data.entities,
            into=into,
            endpoint=wanted.endpoint,
            time_column=data.time,
            zone="UTC",
        ),
    )
    say(f"{written.n_rows:,} entities joined with the feature store, as of their times")
    # A key says whose features they are, and is none: a model takes it only if it always did.
    taken = () if wanted.signature is None else wanted.signature.names
    keys = tuple(key for key in written.keys if key not in taken)
    columns = ColumnsConfig(timestamp=data.time, ignore=keys)
    table = DataConfig(source=str(into), columns=columns)
    try:
        return _from_table(table, wanted, folder, say)
    finally:
        into.unlink(missing_ok=True)


def _gathering(wanted: Wanted, names: Sequence[str]) -> Gathering:
    since = wanted.since
    # A source without times can still be read where no window is asked for.
    until = None if since is None else wanted.now
    return Gathering(names, max_rows=wanted.config.data.max_rows, since=since, until=until)


def _names(wanted: Wanted, there: Sequence[str]) -> list[str]:
    """The features: those of the model in production as far as they are there, else all."""
    signature = wanted.signature
    if signature is None:
        return [name for name in there if name != wanted.config.label]
    return [name for name in signature.names if name in there]


def _left_out(wanted: Wanted, there: Sequence[str]) -> str:
    """Columns that a model for the clients of today cannot take, as a list; "" for none."""
    signature = wanted.signature
    if signature is None:
        return ""
    left = [name for name in there if name not in (*signature.names, wanted.config.label)]
    return ", ".join(left[:_N_TOLD]) + ("" if len(left) <= _N_TOLD else ", ...")
