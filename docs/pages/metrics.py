"""docs/reference/metrics.md: what /metrics tells."""

from __future__ import annotations

import re

from pages.text import page, table
from seatrial.serving.metrics import BUCKETS_S, VersionCounts, WorkerCounts, exposition
from seatrial.serving.outcome import OK, REJECTED, SHED

_HELP = re.compile(r"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n((?:[^#].*\n)*)")
_LABEL = re.compile(r'(\w+)="')


def metrics_page() -> str:
    """Every family with its type, labels and meaning, as a server of one model tells them."""
    rows = [
        [f"`{name}`", kind, ", ".join(f"`{label}`" for label in _labels(samples)), text]
        for name, text, kind, samples in families()
    ]
    edges = ", ".join(f"{edge:g}" for edge in BUCKETS_S)
    return page(
        "Metrics",
        [
            "`GET /metrics` of any worker tells the counts of all workers of the server, in",
            "Prometheus' text format. Counters start at 0 with their worker; add up over the",
            "label `worker`.",
        ],
        table(["metric", "type", "labels", "meaning"], rows),
        [
            "`outcome` is `ok`, `error` (the version's fault: what the error-rate gate counts),",
            "`rejected` (the client's fault, a 4xx) or `shed` (429: the queue was full). Only",
            f"`ok` and `error` have a latency. The histogram's edges are {edges} seconds. They",
            "are for dashboards: gates read sketches with a relative error of 1 % at most.",
        ],
        [
            "The share of errors of each version, and its p95, over five minutes:",
        ],
        [
            "```promql",
            'sum by (model, version) (rate(seatrial_requests_total{outcome="error"}[5m]))',
            '  / sum by (model, version) (rate(seatrial_requests_total{outcome=~"ok|error"}[5m]))',
            "histogram_quantile(0.95,",
            "  sum by (model, version, le) (rate(seatrial_latency_seconds_bucket[5m])))",
            "```",
        ],
    )


def families() -> list[tuple[str, str, str, str]]:
    """Name, meaning, type and sample lines of every family."""
    version = VersionCounts(
        model="m",
        version=1,
        answers={OK: 1, REJECTED: 1, SHED: 1},
        errors={"timeout": 1},
        buckets=[2] * len(BUCKETS_S),
        seconds=0.0,
        loaded=True,
    )
    text = exposition({"w": WorkerCounts(versions=[version], store_up=True)})
    return [(name, meaning, kind, samples) for name, meaning, kind, samples in _HELP.findall(text)]


def _labels(samples: str) -> list[str]:
    return list(dict.fromkeys(_LABEL.findall(samples)))
