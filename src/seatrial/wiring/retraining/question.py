"""What drift alone asks of a retraining, and the rows that can answer it.

Drift shows before the labels of what drifted come, and rows from before are as the model knows
them: asked for those, it never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts.stream import Stream
from seatrial.steps.context import Context
from seatrial.training.retraining.agenda import PREFIX, Agenda, fold
from seatrial.training.retraining.checks import check_enough
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.gathering import LabelledRows, rows_since
from seatrial.training.retraining.records import Order

DRIFTED = "drifted.parquet"
"""The rows that answer, in the folder of the run."""

_SOONEST_S, _LATEST_S = 1.0, 600.0


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the model in production lost by a drift.

    Args: asked_at: aware.
    """

    asked_at: datetime

    def waits_s(self, config: RetrainedConfig, *, keep_s: float) -> float | None:
        """In how many seconds to look again for labels; None where nothing is waited for.

        Labels that are late by days are not asked for every second.

        Args: keep_s: how late labels may be.
        """
        waited_s = (datetime.now(UTC) - self.asked_at).total_seconds()
        if config.data.source != "log" or waited_s > keep_s:
            return None
        return min(max(waited_s / 10, _SOONEST_S), _LATEST_S)

    def put_aside(
        self,
        rows: LabelledRows,
        folder: Path,
        config: RetrainedConfig,
        *,
        window_s: float,
        wanted: bool,
    ) -> None:
        """Write the rows of the window in which the drift showed, and since, if they are enough.

        Args: window_s: how long a window lasts at least; wanted: whether they must be.
        Raises: TooFewRows.
        """
        from seatrial.adapters.labels.labelled_rows import write_labelled_rows

        file = folder / DRIFTED
        file.unlink(missing_ok=True)
        drifted = rows_since(rows, self.asked_at - timedelta(seconds=window_s))
        least = config.checks.min_holdout_rows
        if wanted:
            check_enough(len(drifted), least, "since the drift")
        if len(drifted) >= least:
            columns, labels = drifted.columns, drifted.labels
            write_labelled_rows(file, columns, label=config.label, labels=labels)


def question_of(log: FactLog, context: Context) -> Question | None:
    """What a run was begun for; None where more than drift asks, be it who joined it since."""
    order = context.input(Order)
    agenda = Stream(log, PREFIX + order.name, state=Agenda(), fold=fold).refresh()
    begun = next((one for one in agenda.begun if one.key == context.run.key), None)
    joined = () if begun is None else begun.causes
    if not (all(one.asks for one in order.causes) and all(one.asks for one in joined)):
        return None
    return Question(min(datetime.fromisoformat(one.at) for one in order.causes))
