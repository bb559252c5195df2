"""docs/reference/metrics.md: what /metrics tells, what the watch tells, and the rules over both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pages.text import page, table
from seatrial.events.exposition import in_exposition, out_exposition
from seatrial.events.journal import Sent, Taken
from seatrial.features.failures import FeaturesLate
from seatrial.features.online import Read, State
from seatrial.features.plan import Column, Plan
from seatrial.features.tally import Tally
from seatrial.features.tally import exposition as lookups_exposition
from seatrial.features.view import Field, Selected, ValueType, View
from seatrial.gateway.chat.call import Attempt, Journal
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.policies.metrics import GatewayCounts
from seatrial.gateway.policies.metrics import exposition as gateway_exposition
from seatrial.monitoring.service.config import ServiceConfig
from seatrial.monitoring.service.exposition import (
    DriftGauges,
    MetricGauges,
    Watched,
)
from seatrial.monitoring.service.exposition import exposition as watch_exposition
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.packaging.prometheus_rules import rule_groups
from seatrial.serving.metrics import BUCKETS_S, VersionCounts, WorkerCounts, exposition
from seatrial.serving.outcome import OK, REJECTED, SHED
from seatrial.stats.counts import Interval
from seatrial.stats.trend import Crossing
from seatrial.steps.run import Run
from seatrial.training.following.exposition import exposition as registry_exposition
from seatrial.training.retraining.agenda import Agenda, Begun
from seatrial.training.retraining.exposition import exposition as retraining_exposition

_HELP = re.compile(r"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n((?:[^#].*\n)*)")
_LABEL = re.compile(r'(\w+)="')


def metrics_page() -> str:
    """Every family with its type, labels and meaning, and every alert of the generated rules."""
    head = ["metric", "type", "labels", "meaning"]
    edges = ", ".join(f"{edge:g}" for edge in BUCKETS_S)
    return page(
        "Metrics",
        [
            "`GET /metrics` of any worker tells the counts of all workers of the server, in",
            "Prometheus' text format. Counters start at 0 with their worker; add up over the",
            "label `worker`.",
        ],
        table(head, _rows(of_servers())),
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
        ["## What the gateway tells"],
        [
            "Of requests by `route`, and of what was sent to providers by `provider` and `model`:",
            "one request may need several attempts, or none when the cache has its answer.",
            "`outcome` is `ok`, the [code](errors.md) of the error, or `cancelled` where the",
            "caller went away. Add up over the label `worker`.",
        ],
        table(head, _rows(of_the_gateway())),
        [
            "The share of answers from the cache, and what each model costs an hour:",
        ],
        [
            "```promql",
            'sum by (route) (rate(seatrial_llm_cache_total{use="hit"}[5m]))',
            "  / sum by (route) (rate(seatrial_llm_cache_total[5m]))",
            "3600 * sum by (provider, model) (rate(seatrial_llm_cost_usd_total[5m]))",
            "```",
        ],
        ["## What lookups of features tell"],
        [
            "Of endpoints that look features up (`features.endpoints` of the configuration).",
            "`state` is `present`, `null`, `stale` or `missing`: what was found, before a default",
            "stood in. `code` is the [code](errors.md) of the error. Add up over the label",
            "`worker`.",
        ],
        table(head, _rows(of_lookups())),
        ["## What retrainings tell"],
        [
            "Of models that are [trained anew](../how-to/retraining.md). `outcome` is the word a",
            "run ended with, such as `promoted`, `worse` or `failed`.",
        ],
        table(head, _rows(of_retrainings())),
        ["## What events tell"],
        [
            "Of [events to other systems and from them](../how-to/events.md), where the section",
            "`events` has a broker. `outcome` is `taken`, `repeated` or `rejected`.",
        ],
        table(head, _rows(of_events())),
        ["## What registries tell"],
        [
            "Where models are followed (`registry.models` of the configuration). `result` is",
            "`accepted`, `repeated`, or the [code](errors.md) of the refusal; `outcome` is how",
            "the release of a version ended, or `under_way`.",
        ],
        table(head, _rows(of_registries())),
        ["## What the watch tells"],
        [
            "The monitor of an endpoint tells what it found as gauges. What is not known has no",
            "sample: no news is not good news. Gauges without `version` are of the endpoint as a",
            "whole; `signal` is what was looked at, such as `p95` or `error_budget`, and a finding",
            "has further labels of its own, such as `kind` or `window`.",
        ],
        table(head, _rows(of_the_watch())),
        ["## Rules for Prometheus"],
        [
            "Generated from the section `service` of `monitoring.yaml`, as a rule file and as a",
            "`PrometheusRule` resource. An alert of errors needs the effect and the evidence: a",
            "rate over its level, and more events than chance makes. With the default levels:",
        ],
        table(["alert", "severity", "area", "held", "when"], _alerts()),
    )


def families() -> list[tuple[str, str, str, str]]:
    """Name, meaning, type and sample lines of every family."""
    registries = of_registries() + of_retrainings() + of_events()
    return of_servers() + of_the_gateway() + of_lookups() + registries + of_the_watch()


def of_retrainings() -> list[tuple[str, str, str, str]]:
    """The families of `training/retraining/exposition.py`, with a sample of each."""
    at = datetime(2030, 1, 1, tzinfo=UTC)
    over = Begun(key="churn-1", at=at, by="", causes=(), outcome="promoted", trained_s=1.0)
    return _HELP.findall(retraining_exposition({"churn": Agenda(begun=(over,))}))


def of_events() -> list[tuple[str, str, str, str]]:
    """The families of `events/exposition.py`, with a sample of each."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    out = out_exposition(Sent(), up=True, n_behind=0, oldest=None, now=now)
    taken = Taken(counts={("t", "taken"): 1})
    return _HELP.findall(out + in_exposition(taken, up=True, n_waiting=0))


def of_the_gateway() -> list[tuple[str, str, str, str]]:
    """The families of `gateway/policies/metrics.py`, with a sample of each."""
    usage = Usage(input_tokens=1, output_tokens=1)
    journal = Journal()
    journal.attempts.append(
        Attempt(provider="p", model="m", began=0.0, ended=1.0, usage=usage, cost_usd=Decimal(1))
    )
    counts = GatewayCounts()
    counts.ended("r", journal, outcome="ok", seconds=1.0, first_token_s=1.0)
    return _HELP.findall(gateway_exposition({"w": counts.snapshot()}))


def of_registries() -> list[tuple[str, str, str, str]]:
    """The families of `training/following/exposition.py`, with a sample of each."""
    run = Run(
        kind="registry",
        key="k",
        input={"endpoint": "m"},
        steps=(),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        started_by="registry",
        cause="",
    )
    text = registry_exposition(up={"mlflow": True}, webhooks={"w": {"accepted": 1}}, runs=[run])
    return _HELP.findall(text)


def of_lookups() -> list[tuple[str, str, str, str]]:
    """The families of `features/tally.py`, with a sample of each."""
    field = Field("f", ValueType.INT64)
    view = View(name="v", online_name="v", join_keys=(field,), features=(field,), ttl_us=None)
    column = Column(name="f", selected=Selected(view, field), default=None)
    tally = Tally()
    tally.expect("m", Plan(columns=(column,), deadline_s=1.0, max_age_us=1))
    tally.count("m", column, Read(State.PRESENT, 1, 0), 1)
    tally.fail("m", FeaturesLate("", remedy=""))
    return _HELP.findall(lookups_exposition({"w": tally.snapshot()}))


def of_the_watch() -> list[tuple[str, str, str, str]]:
    """The families of `monitoring/service/exposition.py`, with a sample of each."""
    drift = DriftGauges(psi=0.0, ks=0.0, alarm=False, missing_share=0.0)
    accuracy = MetricGauges(value=1.0, lower=1.0, upper=1.0)
    finding = ServiceFinding(
        signal="s",
        level=Level.OK,
        code="c",
        reason="r",
        crossing=Crossing(in_s=1.0, interval=Interval(lower=1.0, upper=1.0)),
    )
    watched = Watched(
        endpoint="m",
        version=1,
        features={"f": drift},
        outputs={"o": drift},
        estimated=accuracy,
        estimate_trusted=True,
        real=accuracy,
        reference_accuracy=1.0,
        estimates={"f1": accuracy},
        reals={"f1": accuracy},
        references={"f1": 1.0},
        findings=[finding],
        alerts_firing={"critical": 0},
        alerts_pending={"critical": 0},
        looked_at_s=0.0,
    )
    return _HELP.findall(watch_exposition([watched]))


def of_servers() -> list[tuple[str, str, str, str]]:
    """The families of `serving/metrics.py`, as a server of one model tells them."""
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
    return _HELP.findall(text)


def _rows(told: list[tuple[str, str, str, str]]) -> list[list[str]]:
    return [
        [f"`{name}`", kind, ", ".join(f"`{label}`" for label in _labels(samples)), text]
        for name, text, kind, samples in told
    ]


def _alerts() -> Iterator[list[str]]:
    for group in rule_groups(ServiceConfig()):
        rules: Any = group["rules"]
        for rule in rules:
            if "alert" in rule:
                labels, text = rule["labels"], rule["annotations"]["description"]
                yield [
                    f"`{rule['alert']}`",
                    labels["severity"],
                    labels["area"],
                    rule["for"],
                    text,
                ]


def _labels(samples: str) -> list[str]:
    return list(dict.fromkeys(_LABEL.findall(samples)))
