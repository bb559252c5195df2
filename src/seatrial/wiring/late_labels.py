"""Labels that come later than the rows of a log: a file, a folder or a table by prediction id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seatrial.adapters.sqlite_inbox import SqliteInbox
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.inbox import Entry
from seatrial.monitoring.rows.columns import ids_of
from seatrial.monitoring.rows.label_values import label_text
from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.source import Chunk, SourceProblem
from seatrial.monitoring.rows.table import Column
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.table_sources import open_source

_ALL = 2**62


class LabelColumnsMissing(Invalid):
    """Labels that come later lack a column of prediction ids or of what came true."""

    code = "monitoring.label_columns_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePart:
    """Some labels, in the order in which they stand.

    Args:
        entries: those that have an id and a value.
        cursor: where those after them begin.
        problems: met while they were read.
    """

    entries: Sequence[Entry]
    cursor: str
    problems: tuple[SourceProblem, ...]


def late_parts(
    config: DataConfig, *, folder: Path, after: str | None = None, follow: bool = False
) -> Iterator[LatePart]:
    """Read labels.

    Args:
        folder: where relative paths begin.
        after: the cursor of the last part; None for the beginning.
        follow: whether what is added will be read later.
    Raises: LabelColumnsMissing; what sources raise.
    """
    columns = replace(config.columns.columns(), features=())
    source = open_source(config, folder=folder, columns=columns, follow=follow)
    for chunk in source.chunks(after=after):
        yield LatePart(
            entries=_entries(chunk, config.source), cursor=chunk.cursor, problems=chunk.problems
        )


class LabelTable:
    """Labels by prediction id; the last of an id stands."""

    def __init__(self, inbox: SqliteInbox) -> None:
        self._inbox = inbox

    def of(self, ids: Sequence[str | None]) -> list[str]:
        """The label of each id; empty where there is none."""
        found = self._inbox.find([key for key in ids if key is not None])
        texts = {entry.id: entry.value for _, entry in found}
        return ["" if key is None else texts.get(key, "") for key in ids]


@contextmanager
def label_table(
    config: DataConfig, *, folder: Path
) -> Iterator[tuple[LabelTable, tuple[SourceProblem, ...]]]:
    """All labels, looked up on the disk: memory is that of a chunk.   Raises: see `late_parts`."""
    problems: list[SourceProblem] = []
    with TemporaryDirectory(prefix="seatrial-labels-") as place:
        inbox = SqliteInbox(Path(place) / "labels.db", most=_ALL)
        try:
            for part in late_parts(config, folder=folder):
                problems += part.problems
                inbox.put(part.entries, at_us=0)
            yield LabelTable(inbox), tuple(problems)
        finally:
            inbox.close()


def row_ids(chunk: Chunk) -> Sequence[str | None]:
    """The prediction id of each row; None where there is none."""
    return ids_of(chunk.table, chunk.columns) or (None,) * chunk.table.n


def _entries(chunk: Chunk, name: str) -> list[Entry]:
    if not chunk.table.n:
        return []
    label = _label(chunk)
    ids = ids_of(chunk.table, chunk.columns)
    if label is None or ids is None:
        what = "what came true" if label is None else "prediction ids"
        raise LabelColumnsMissing(
            f"The labels in {name!r} have no column of {what}.",
            remedy="Name it under labels.columns, as id and label.",
            source=name,
        )
    if isinstance(label, np.ndarray) and label.ndim > 1:
        vectors = [", ".join(map(str, row)) for row in label.tolist()]
        return [Entry(id=key, value=v) for key, v in zip(ids, vectors, strict=True) if key]
    names = coded(label)
    texts = [*(label_text(value) for value in names.values), ""]  # a code of -1 is the last place
    return [
        Entry(id=key, value=texts[code])
        for key, code in zip(ids, names.codes.tolist(), strict=True)
        if key and texts[code]
    ]


def _label(chunk: Chunk) -> Column | None:
    name = chunk.columns.label
    return None if name is None else chunk.table.columns.get(name)
