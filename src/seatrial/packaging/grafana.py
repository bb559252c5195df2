"""A Grafana dashboard of an endpoint, from the same queries as the rules.

The JSON of Grafana's own dashboards, schema version 39 (Grafana 10.4 and later read it): import it,
or put it into a provisioning folder. It asks for the Prometheus data source, the endpoint and the
version on top; every panel says what it shows in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from seatrial.monitoring.service.config import Levels, ServiceConfig
from seatrial.packaging.grafana_words import CHINESE, ENGLISH, Words
from seatrial.packaging.prometheus_service_rules import USUAL
from seatrial.packaging.promql import quantile, requests, span

Panel: TypeAlias = dict[str, object]

SCHEMA_VERSION = 39
_WIDTH, _HEIGHT = 12, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_CHOSEN = 'model=~"$endpoint",version=~"$version"'
_WATCHED = 'endpoint=~"$endpoint",version=~"$version"'
_VERSIONS = ("model", "version")


class Language(StrEnum):
    """Of titles and descriptions."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chart:
    """One panel before it has its place.

    Args:
        key: of its title and description in `grafana_words`.
        queries: PromQL and legend.
        unit: as Grafana calls it.
        steps: values at which a line is drawn, with its colour.
        most: end of the axis, for shares.
        form: the kind of panel.
        width: of 24 columns.
    """

    key: str
    queries: Sequence[tuple[str, str]]
    unit: str
    steps: Sequence[tuple[float, str]] = field(default_factory=tuple)
    most: float | None = None
    form: str = "timeseries"
    width: int = _WIDTH


def dashboard(
    config: ServiceConfig,
    *,
    language: Language = Language.ENGLISH,
    uid: str = "seatrial",
    over_s: float = 300.0,
) -> str:
    """The dashboard as JSON.

    Args:
        config: the levels, drawn as lines.
        language: of what a person reads.
        uid: of the dashboard: importing it again replaces it.
        over_s: the time that rates and quantiles are taken over.
    """
    words = CHINESE if language is Language.CHINESE else ENGLISH
    charts = (*_service(config, over_s), *_saturation(config, over_s), *_models())
    document = {
        "uid": uid,
        "title": words["dashboard"][0],
        "description": words["dashboard"][1],
        "tags": ["seatrial"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": _variables(words)},
        "panels": _placed(charts, words),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _service(config: ServiceConfig, over_s: float) -> Sequence[_Chart]:
    answered = requests("ok|error", over_s, by=_VERSIONS, where=_CHOSEN)
    errors = requests("error", over_s, by=_VERSIONS, where=_CHOSEN)
    kinds = (
        f"sum by (model, version, kind) (rate(seatrial_errors_total{{{_CHOSEN}}}[{span(over_s)}]))"
    )
    name = "{{model}} {{version}}"
    return (
        _Chart(
            key="alerts",
            queries=(
                (
                    'sum by (endpoint, severity) (seatrial_alerts_firing{endpoint=~"$endpoint"})',
                    "{{endpoint}} {{severity}}",
                ),
            ),
            unit="none",
            steps=((1, "red"),),
            form="stat",
        ),
        _Chart(
            key="levels",
            queries=(
                (
                    'max by (endpoint, signal) (seatrial_service_level{endpoint=~"$endpoint"})',
                    "{{endpoint}} {{signal}}",
                ),
            ),
            unit="none",
            steps=((1, "blue"), (2, "orange"), (3, "red")),
            form="stat",
        ),
        _Chart(
            key="latency",
            queries=[
                (quantile(q, over_s, by=_VERSIONS, where=_CHOSEN), f"{name} {signal}")
                for signal, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
            ],
            unit="s",
            steps=_steps(config.p95_ms, 1e-3),
        ),
        _Chart(
            key="errors",
            queries=((f"{errors} / {answered}", name),),
            unit="percentunit",
            steps=_steps(config.error_rate),
        ),
        _Chart(key="kinds", queries=((kinds, f"{name} {{{{kind}}}}"),), unit="reqps"),
        _Chart(
            key="throughput",
            queries=(
                (requests("ok|error|rejected|shed", over_s, by=_VERSIONS, where=_CHOSEN), name),
                (f'{USUAL}{{model=~"$endpoint"}}', "{{model}} (usual)"),
            ),
            unit="reqps",
        ),
    )


def _saturation(config: ServiceConfig, over_s: float) -> Sequence[_Chart]:
    server = "sum by (job, instance) ({}) / max by (job, instance) ({})"
    refused = requests("shed", over_s, by=_VERSIONS, where=_CHOSEN)
    asked = requests("ok|error|shed", over_s, by=_VERSIONS, where=_CHOSEN)
    queue = (
        f"max by (model, version) (seatrial_queue_requests{{{_CHOSEN}}} "
        f"/ seatrial_queue_limit_requests{{{_CHOSEN}}})"
    )
    cpu = server.format(f"rate(seatrial_cpu_seconds_total[{span(over_s)}])", "seatrial_cpus")
    memory = server.format("seatrial_memory_bytes", "seatrial_memory_limit_bytes")
    name = "{{model}} {{version}}"
    return (
        _Chart(
            key="queue",
            queries=((queue, name), (f"{refused} / {asked}", f"{name} (refused)")),
            unit="percentunit",
            steps=_steps(config.queue_share),
            most=1,
        ),
        _Chart(
            key="machine",
            queries=((cpu, "{{instance}} CPU"), (memory, "{{instance}} memory")),
            unit="percentunit",
            steps=_steps(config.memory_share),
            most=1,
        ),
    )


def _models() -> Sequence[_Chart]:
    name = "{{endpoint}} {{version}}"
    psi = ((0.1, "orange"), (0.2, "red"))
    return (
        _Chart(
            key="drift",
            queries=((f"topk(10, seatrial_drift_psi{{{_WATCHED}}})", f"{name} {{{{feature}}}}"),),
            unit="none",
            steps=psi,
        ),
        _Chart(
            key="drifting",
            queries=(
                (
                    f"sort_desc(seatrial_drift_psi{{{_WATCHED}}} "
                    f"and seatrial_drift_alarm{{{_WATCHED}}} == 1)",
                    f"{name} {{{{feature}}}}",
                ),
            ),
            unit="none",
            steps=psi,
            form="bargauge",
        ),
        _Chart(
            key="prediction_drift",
            queries=((f"seatrial_prediction_drift_psi{{{_WATCHED}}}", f"{name} {{{{output}}}}"),),
            unit="none",
            steps=psi,
        ),
        _Chart(
            key="accuracy",
            queries=[
                (f"seatrial_{metric}{{{_WATCHED}}}", f"{name} {legend}")
                for metric, legend in (
                    ("estimated_accuracy", "estimated"),
                    ("estimated_accuracy_lower", "estimated, lower"),
                    ("estimated_accuracy_upper", "estimated, upper"),
                    ("real_accuracy", "real"),
                    ("real_accuracy_lower", "real, lower"),
                    ("real_accuracy_upper", "real, upper"),
                    ("reference_accuracy", "reference"),
                )
            ],
            unit="percentunit",
            most=1,
        ),
        _Chart(
            key="performance",
            queries=[
                (f"seatrial_{kind}_performance{{{_WATCHED}}}", f"{name} {{{{metric}}}} {kind}")
                for kind in ("estimated", "real", "reference")
            ],
            unit="none",
        ),
    )


def _steps(levels: Levels | None, scale: float = 1.0) -> Sequence[tuple[float, str]]:
    if levels is None:
        return ()
    return ((scale * levels.warning, "orange"), (scale * levels.critical, "red"))


def _placed(charts: Sequence[_Chart], words: Words) -> list[Panel]:
    """Panels from left to right and top to bottom, two in a row."""
    panels, x, y = [], 0, 0
    for number, chart in enumerate(charts, start=1):
        if x + chart.width > 24:
            x, y = 0, y + _HEIGHT
        place = {"x": x, "y": y, "w": chart.width, "h": _HEIGHT}
        panels.append(_panel(chart, number, place, words))
        x += chart.width
    return panels


def _panel(chart: _Chart, number: int, place: dict[str, int], words: Words) -> Panel:
    title, description = words[chart.key]
    return {
        "id": number,
        "type": chart.form,
        "title": title,
        "description": description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
                "editorMode": "code",
                "range": chart.form == "timeseries",
                "instant": chart.form != "timeseries",
            }
            for i, (query, legend) in enumerate(chart.queries)
        ],
        "fieldConfig": {"defaults": _defaults(chart), "overrides": []},
        "options": _options(chart),
    }


def _defaults(chart: _Chart) -> dict[str, object]:
    lines = [{"color": colour, "value": value} for value, colour in chart.steps]
    defaults: dict[str, object] = {
        "unit": chart.unit,
        "min": 0,
        "color": {"mode": "palette-classic" if chart.form == "timeseries" else "thresholds"},
        # The first step has no value: it holds below all others.
        "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}, *lines]},
    }
    if chart.most is not None:
        defaults["max"] = chart.most
    if chart.form == "timeseries":
        style = "dashed" if chart.steps else "off"
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 5, "thresholdsStyle": {"mode": style}}
    return defaults


def _options(chart: _Chart) -> dict[str, object]:
    if chart.form == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal" if chart.form == "bargauge" else "auto",
    }


def _variables(words: Words) -> list[dict[str, object]]:
    source: dict[str, object] = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": words["datasource"][0],
    }
    return [
        source,
        _choice("endpoint", "label_values(seatrial_requests_total, model)", words),
        _choice(
            "version", 'label_values(seatrial_requests_total{model=~"$endpoint"}, version)', words
        ),
    ]


def _choice(name: str, query: str, words: Words) -> dict[str, object]:
    return {
        "name": name,
        "type": "query",
        "label": words[name][0],
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 3,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }
