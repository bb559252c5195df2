"""A watch over the log of another server, with all it needs; `log_run.py` lets it run."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.notify_config import NotifyConfig
from seatrial.monitoring.alerts.troubles import NOT_KEPT, Troubles
from seatrial.monitoring.performance.view import watched_with
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceProblem, TableSource
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.service.exposition import exposition
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of, features_of
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.config import rules_of
from seatrial.monitoring.watching.gauges import watched_of, whole_of
from seatrial.monitoring.watching.log_monitor import TROUBLE, LogMonitor
from seatrial.monitoring.watching.log_windows import LogWindows
from seatrial.monitoring.watching.server_monitor import BEAT
from seatrial.monitoring.watching.telling import Telling
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.monitoring.watching.window_judge import Judged
from seatrial.wiring.watching.folder import PlaceFile, WatchFolder
from seatrial.wiring.watching.log_performance import log_performance
from seatrial.wiring.watching.log_reference import Known, known_reference, log_columns, names_in
from seatrial.wiring.watching.notifiers import couriers_of
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import Workspace

_SETTLE_S = 15.0

Say = Callable[[str], None]

_log = logging.getLogger(__name__)


class LogWatch:
    """A watch with all it needs, open until `close`.

    Args:
        file: with data and reference.
        folder: where relative paths begin.
        workspace: for a reference in a bundle.
        clock: wall time.
        env: the environment, for secrets.
        say: told what a person should know.
        once: whether it ends after one pass, so that no message waits for another.
    Raises: NoReferenceRows, WatchChanged, SecretMissing, SinkInvalid; what sources raise.
    """

    def __init__(
        self,
        file: MonitoringFile,
        *,
        folder: Path,
        workspace: Callable[[], Workspace],
        clock: Clock,
        env: Mapping[str, str],
        say: Say,
        once: bool = False,
    ) -> None:
        assert file.reference is not None
        self._file = file
        self._folder = folder
        self._clock = clock
        self._told: set[str] = set()
        self._say = say
        self.out = WatchFolder.of(file, folder)
        self.known = known_reference(
            file.reference,
            columns=self._asked,
            segments=file.split_by,
            folder=folder,
            workspace=workspace,
        ).weighed(file.importance)
        for problem in self.known.problems:
            self._tell(problem)
        self._columns: Columns | None = None
        self._metrics = self._trouble = ""
        self._shown: tuple[int, Mapping[str, Any] | None] | None = None
        self.store: Store = self.out.open_store()
        try:
            self._open(env, once=once)
        except BaseException:
            self.store.close()
            raise

    def _open(self, env: Mapping[str, str], *, once: bool) -> None:
        file = self._file
        notify = _at_once(file.notify) if once else file.notify
        self._couriers: Couriers = couriers_of(notify, self.store, env=env, clock=self._clock)
        self._book = AlertBook(self.store, timing=file.alerts.timing)
        with suppress(UnknownFact):  # the watch says so
            self._book.refresh()
        self._alarms = Alarms(
            self._book,
            self._couriers,
            clock=self._clock,
            silences=file.alerts.all_silences(),
            during_release=file.alerts.during_release,
        )
        rules = rules_of(file.triggers, file.endpoint)
        self._troubles = Troubles(_log, self._clock)
        self._telling = Telling(
            self._alarms,
            TriggerBook(self.store),
            rules=lambda _: rules,
            clock=self._clock,
            troubles=self._troubles,
        )
        self.monitor = self._monitor()
        self._performance = log_performance(
            file,
            self.known,
            folder=self._folder,
            out=self.out,
            store=self.store,
            telling=self._telling,
            troubles=self._troubles,
            clock=self._clock,
            say=self._tell,
            once=once,
        )

    def probe(self) -> None:
        """Look whether the columns asked for are in the log, if it can be read yet.

        Raises: NoSuchColumn, DuplicateColumn.
        """
        with suppress(*TROUBLE):  # it is an alert, and tried again
            source = self._open_log()
            if source is not None:
                next(iter(source.chunks()), None)

    def tick(self) -> list[Judged]:
        """Read what is new, judge, tell, and write what others read; see `LogMonitor.tick`."""
        judged = self.monitor.tick()
        record = self._judge_performance()
        self._metrics = self._exposed()
        self.out.write(self.out.metrics.name, self._metrics)
        self.store.beat(BEAT, self._beat())
        kept = self.monitor.kept()
        # Not only when one was judged: a kill may have come between that and its page.
        shown = None if kept is None else (kept.position, record)
        if shown is not None and shown != self._shown:
            self.out.write(self.out.report.name, self._page())
            self._shown = shown
        return judged

    def tick_again(self) -> list[Judged]:
        """`tick`, of a watch that goes on: what the store or the disk keeps from being done is said
        once and done with the next call. Nothing is kept as done before it is.
        """
        try:
            judged = self.tick()
        except (*NOT_KEPT, OSError) as problem:
            if self._trouble != type(problem).__name__:
                self._say(f"Nothing is watched: {problem}")
            self._trouble = type(problem).__name__
            return []
        if self._trouble:
            self._say("It is watched again.")
        self._trouble = ""
        return judged

    def metrics(self) -> str:
        """The gauges as of the last tick."""
        return self._metrics

    def send(self) -> None:
        """Send what is due; waits for no sink."""
        self._alarms.tick()

    def settle(self) -> bool:
        """Wait until what is due was sent; whether nothing waits any more."""
        self._alarms.tick()
        self._couriers.settle(_SETTLE_S)
        return not any(box.waiting for box in self._couriers.outboxes().values())

    def close(self) -> None:
        """End it; nothing is lost."""
        if self._performance is not None:
            self._performance.close()
        self._couriers.close()
        self.store.forget(BEAT)
        self.store.close()

    @property
    def _asked(self) -> Columns:
        assert self._file.data is not None
        return self._file.data.columns.columns()

    def _monitor(self) -> LogMonitor:
        file, known = self._file, self.known
        summariser = Summariser(known.profile, segments=file.split_by)

        def count(table: Table, columns: Columns) -> Summary:
            return summariser.summarise(
                features_of(table, columns, segments=file.split_by),
                answers_of(table, columns, known.profile),
            )

        return LogMonitor(
            endpoint=file.endpoint,
            version=file.version,
            open_log=self._open_log,
            windows=LogWindows(file.windows.windows(), count),
            grace=timedelta(seconds=file.windows.grace_s),
            max_age=file.age,
            watch=Watch(known.profile, file.rules(), segments=known.segments),
            store=self.store,
            telling=self._telling,
            troubles=self._troubles,
            clock=self._clock,
            checkpoint=PlaceFile(self.out.path / "place", _began(file, known)),
            say=self._tell,
        )

    def _open_log(self) -> TableSource | None:
        data = self._file.data
        assert data is not None
        if self._columns is None:
            names = names_in(data, folder=self._folder, follow=True)
            if not names:
                return None
            self._columns = log_columns(self._asked, self.known, names, self._file.split_by)
        return open_source(data, folder=self._folder, columns=self._columns, follow=True)

    def _tell(self, problem: SourceProblem) -> None:
        if problem.message not in self._told:
            self._told.add(problem.message)
            self._say(problem.message)

    def _exposed(self) -> str:
        name, version = self._file.endpoint, self._file.version
        watched = [
            whole_of(
                name,
                self._book.alerts(),
                looked_at=self._clock.now(),
                left_out=self.monitor.left_out(),
            )
        ]
        kept = self.monitor.kept()
        mine = None if kept is None else watched_of(name, version, kept.newest)
        record = None if self._performance is None else self._performance.record()
        mine = mine if record is None else watched_with(mine, record)
        return exposition(watched if mine is None else [*watched, mine])

    def _judge_performance(self) -> Mapping[str, Any] | None:
        """Look at predictions and labels; labels that cannot be read are tried again."""
        if self._performance is None:
            return None
        try:
            self._performance.tick()
        except TROUBLE as trouble:
            self._tell(SourceProblem(flaw="part", where="labels", message=str(trouble)))
        return self._performance.record()

    def _beat(self) -> dict[str, Any]:
        name, version = self._file.endpoint, str(self._file.version)
        return {
            "holder": str(os.getpid()),
            "metrics": self._metrics,
            "service": {},
            "troubles": {name: self.monitor.troubles()},
            "filling": {name: {version: self.monitor.n_filling}},
        }

    def _page(self) -> str:
        from seatrial.web.console.watching import report_page

        name, version = self._file.endpoint, self._file.version
        view = WatchDesk(self.store).view(name)
        found = view["versions"][str(version)]
        report = found["report"]
        return report_page(
            report,
            title=f"{name} {version}",
            reference=self.known.name,
            window=f"{report['start'][:16]} - {report['end'][:16]}".replace("T", " "),
            language=self._file.notify.language,
            series=found["series"],
            performance=view["performance"],
            notes=self.known.told,
            made_at=self._clock.now(),
        )


def _at_once(notify: NotifyConfig) -> NotifyConfig:
    """The same sinks, none of which waits for other alerts: in one pass no more will come."""
    sinks = {name: sink.model_copy(update={"wait": 0.0}) for name, sink in notify.sinks.items()}
    return notify.model_copy(update={"sinks": sinks})


def _began(file: MonitoringFile, known: Known) -> bytes:
    """What counts and evidence depend on: they cannot go on with another."""
    windows = file.windows.windows()
    said: Sequence[object] = (
        write_profile(known.profile),
        list(file.split_by),
        [windows.n_rows, windows.every_s, windows.time_zone, windows.lateness_s],
        [file.endpoint, file.version],
    )
    return json.dumps(said, sort_keys=True, default=str).encode()
