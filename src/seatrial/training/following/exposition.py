"""What Prometheus is told of registries that are followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from seatrial.kernel.metric_text import Family, Sample, metric_text
from seatrial.steps.run import Run

_UP: Final = "seatrial_registry_up"
_WEBHOOKS: Final = "seatrial_registry_webhooks_total"
_ARRIVALS: Final = "seatrial_registry_arrivals"

FAMILIES: Final[Mapping[str, Family]] = {
    _UP: ("gauge", "Whether the registry answered when it was asked last."),
    _WEBHOOKS: ("counter", "Webhooks that came, by what became of them."),
    _ARRIVALS: ("gauge", "Registered versions that arrived, by how their release ended."),
}


def exposition(
    *,
    up: Mapping[str, bool],
    webhooks: Mapping[str, Mapping[str, int]],
    runs: Iterable[Run],
) -> str:
    """The counts in Prometheus' text format.

    Args:
        up: by registry.
        webhooks: counts by result, by worker.
        runs: one for each arrival.
    """
    ends = Counter((str(r.input.get("endpoint")), r.outcome or "under_way") for r in runs)
    samples: list[Sample] = [
        (_UP, (("registry", name),), float(is_up)) for name, is_up in up.items()
    ]
    samples += [
        (_WEBHOOKS, (("result", result), ("worker", worker)), float(n))
        for worker, counts in sorted(webhooks.items())
        for result, n in sorted(counts.items())
    ]
    samples += [
        (_ARRIVALS, (("model", endpoint), ("outcome", outcome)), float(n))
        for (endpoint, outcome), n in sorted(ends.items())
    ]
    return metric_text(FAMILIES, samples)
