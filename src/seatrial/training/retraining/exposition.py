"""What Prometheus is told of retrainings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from seatrial.kernel.metric_text import Family, Sample, metric_text
from seatrial.training.retraining.agenda import Agenda

BEAT: Final = "retraining"
"""The name under which the process of pipelines says it."""

_RUNS: Final = "seatrial_retraining_runs"
_UNDER_WAY: Final = "seatrial_retraining_under_way"
_SECONDS: Final = "seatrial_retraining_training_seconds"

FAMILIES: Final[Mapping[str, Family]] = {
    _RUNS: ("gauge", "Runs of a retraining that have ended, by how."),
    _UNDER_WAY: ("gauge", "Whether a run is under way."),
    _SECONDS: ("gauge", "Seconds that all its trainings took."),
}


def exposition(agendas: Mapping[str, Agenda]) -> str:
    """The counts in Prometheus' text format.

    Args: agendas: by the name of the retraining.
    """
    samples: list[Sample] = []
    for name, agenda in sorted(agendas.items()):
        ends = Counter(run.outcome for run in agenda.begun if run.outcome)
        samples += [
            (_RUNS, (("outcome", outcome), ("retraining", name)), float(n))
            for outcome, n in sorted(ends.items())
        ]
        samples.append((_UNDER_WAY, (("retraining", name),), float(agenda.active is not None)))
        seconds = sum(run.trained_s for run in agenda.begun)
        samples.append((_SECONDS, (("retraining", name),), seconds))
    return metric_text(FAMILIES, samples)
