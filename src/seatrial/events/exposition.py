"""What Prometheus is told of events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from seatrial.events.journal import Sent, Taken
from seatrial.kernel.metric_text import Family, Sample, metric_text

BEAT_OUT, BEAT_IN = "events/out", "events/in"
"""The names under which the process of pipelines says it."""

_OUT_UP: Final = "seatrial_events_publishing"
_IN_UP: Final = "seatrial_events_receiving"
_SENT: Final = "seatrial_events_published"
_BEHIND: Final = "seatrial_events_behind_facts"
_OLDEST: Final = "seatrial_events_oldest_seconds"
_TAKEN: Final = "seatrial_events_received"
_WAITING: Final = "seatrial_events_waiting"

OUT_FAMILIES: Final[Mapping[str, Family]] = {
    _OUT_UP: ("gauge", "Whether the newest publishing went well."),
    _SENT: ("gauge", "Events published, by all processes that ever did."),
    _BEHIND: ("gauge", "Facts of the log that publishing has not gone over."),
    _OLDEST: ("gauge", "Age of the oldest event that waits to be published, in seconds."),
}
IN_FAMILIES: Final[Mapping[str, Family]] = {
    _IN_UP: ("gauge", "Whether the newest reading went well."),
    _TAKEN: ("gauge", "Events that came, by type and by what became of them."),
    _WAITING: ("gauge", "Events that wait at the broker, as it counts them."),
}


def out_exposition(
    sent: Sent, *, up: bool, n_behind: int, oldest: datetime | None, now: datetime
) -> str:
    """Of what goes out, in Prometheus' text format."""
    age_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    samples: list[Sample] = [
        (_OUT_UP, (), float(up)),
        (_SENT, (), float(sent.n)),
        (_BEHIND, (), float(n_behind)),
        (_OLDEST, (), age_s),
    ]
    return metric_text(OUT_FAMILIES, samples)


def in_exposition(taken: Taken, *, up: bool, n_waiting: int | None) -> str:
    """Of what comes in, in Prometheus' text format; what the broker cannot tell has no sample."""
    samples: list[Sample] = [(_IN_UP, (), float(up))]
    samples += [
        (_TAKEN, (("outcome", outcome), ("type", kind)), float(n))
        for (kind, outcome), n in sorted(taken.counts.items())
    ]
    if n_waiting is not None:
        samples.append((_WAITING, (), float(n_waiting)))
    return metric_text(IN_FAMILIES, samples)
