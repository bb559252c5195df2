"""Writes what Prometheus and Grafana need of a watch."""

from __future__ import annotations

from pathlib import Path

from seatrial.monitoring.service.config import ServiceConfig
from seatrial.packaging.grafana import Language, dashboard
from seatrial.packaging.prometheus_rules import prometheus_rule, rule_file

RULES, RESOURCE, DASHBOARD = "rules.yml", "prometheusrule.yaml", "dashboard.json"


def write_rules(folder: Path, config: ServiceConfig, *, serves: bool) -> list[Path]:
    """The rules as a file for Prometheus, and as a resource for its operator.

    Args:
        folder: made if it is not there.
        config: the levels.
        serves: whether seatrial serves the models too; see `rule_groups`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        RULES: rule_file(config, serves=serves),
        RESOURCE: prometheus_rule(config, serves=serves),
    }
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


def write_dashboard(path: Path, config: ServiceConfig, *, language: Language) -> Path:
    """The dashboard as a file to import."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dashboard(config, language=language), encoding="utf-8")
    return path
