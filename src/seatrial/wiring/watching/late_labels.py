"""Labels that come later than the rows of a log: a file, a folder or a table by prediction id."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.inbox import MAX_ENTRIES, Entry
from seatrial.monitoring.performance.ledger_notes import CLASSES
from seatrial.monitoring.rows.identities import ids_of
from seatrial.monitoring.rows.label_values import label_text, label_values
from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.source import Chunk, CursorInvalid, SourceProblem
from seatrial.monitoring.rows.table import Column
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.watching.table_sources import open_source

_ALL = 2**62
_PLACE = "place/late"
_WHOLE_EVERY_S = 60.0
_WHOLE_SHARE = 50.0
"""All labels are read at most so rarely that it takes 2 % of the time."""


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
            entries=_entries(chunk, config.shown), cursor=chunk.cursor, problems=chunk.problems
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


class LateLabelFollower:
    """Hands in labels as they come; see `monitoring.watching.log_performance.LateLabels`.

    What is added is read on from where reading ended. Labels that were written over show nowhere
    but in their place, so now and then all are read, and those that say something new of a known
    prediction are handed in.

    Args:
        config: where they are.
        endpoint, version: whose they are.
        folder: where relative paths begin.
        files: where the ledger and the inbox are.
        clock: wall and monotonic time.
        say: told what a person should know.
    """

    def __init__(
        self,
        config: DataConfig,
        *,
        endpoint: str,
        version: int,
        folder: Path,
        files: LabelFiles,
        clock: Clock,
        say: Callable[[SourceProblem], None],
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._version = version
        self._folder = folder
        self._files = files
        self._clock = clock
        self._say = say
        self._due_s = -math.inf
        self._read_s = 0.0
        self._looked: object = None

    def hand_in(self) -> None:
        """See LateLabels. What does not fit into the inbox is handed in with the next call."""
        with (
            self._files.reading(self._endpoint, self._version) as ledger,
            self._files.writing(self._endpoint) as inbox,
        ):
            after = ledger.note(_PLACE)
            now_s, looks = self._clock.monotonic(), _looks(self._config, self._folder)
            if (
                after is not None
                and now_s >= self._due_s
                and (looks is None or looks != self._looked)
            ):
                self._hand_in_changed(ledger, inbox)
                self._looked = looks
                self._read_s = self._clock.monotonic() - now_s
                self._due_s = now_s + max(_WHOLE_EVERY_S, _WHOLE_SHARE * self._read_s)
            elif after is None:
                self._looked, self._due_s = looks, now_s + _WHOLE_EVERY_S
            with suppress(CursorInvalid):  # no order to go on in: read whole now and then
                self._hand_in_added(ledger, inbox, after)

    def _hand_in_added(self, ledger: SqlitePending, inbox: SqliteInbox, after: str | None) -> None:
        for part in late_parts(self._config, folder=self._folder, after=after, follow=True):
            for problem in part.problems:
                self._say(problem)
            if not self._put(inbox, part.entries):
                return
            ledger.set_note(_PLACE, part.cursor)

    def _hand_in_changed(self, ledger: SqlitePending, inbox: SqliteInbox) -> None:
        classes = msgspec.json.decode(ledger.note(CLASSES) or "null")
        for part in late_parts(self._config, folder=self._folder, follow=True):
            found = ledger.find([entry.id for entry in part.entries])
            known = dict(zip(found.ids, found.label.tolist(), strict=True))
            mine = [entry for entry in part.entries if entry.id in known]
            values = label_values([entry.value for entry in mine], classes).tolist()
            # Of several numbers there is no one value to compare: joining finds what is new.
            news = [
                entry
                for entry, value in zip(mine, values, strict=True)
                if math.isnan(value) or value != known[entry.id]
            ]
            if not self._put(inbox, news):
                return

    def _put(self, inbox: SqliteInbox, entries: Sequence[Entry]) -> bool:
        """Whether they fitted in."""
        if inbox.n() + len(entries) > MAX_ENTRIES:
            return False
        if entries:
            inbox.put(entries, at_us=round(self._clock.now().timestamp() * 1e6))
        return True


def _looks(config: DataConfig, folder: Path) -> object:
    """What shows that files were written to; None for a database, which does not show it."""
    if config.kind not in {"parquet", "csv"}:
        return None
    path = folder / Path(config.source).expanduser()
    if any(sign in config.source for sign in "*?["):
        files: Iterable[Path] = Path(path.anchor).glob(path.relative_to(path.anchor).as_posix())
    else:
        files = path.rglob("*") if path.is_dir() else (path,)
    stats = ((one, one.stat()) for one in sorted(files) if one.is_file())
    return [(str(one), stat.st_size, stat.st_mtime_ns) for one, stat in stats]


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
