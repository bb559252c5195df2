"""Recording and alerting rules for Prometheus, from the levels of `monitoring.yaml`.

As a plain rule file, or as the PrometheusRule resource of Prometheus' operator. The rules ask what
seatrial's own watch asks, as far as queries can, so that they hold for an installation that has
Prometheus and nothing else of seatrial but its servers. Alerts are per model (the endpoint, which
is what users see); a release's own gates look after single versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from seatrial.monitoring.service.config import ServiceConfig
from seatrial.packaging.prometheus_rule import Rule, RuleTiming
from seatrial.packaging.prometheus_service_rules import (
    error_rules,
    latency_rules,
    recorded,
    saturation_rules,
    throughput_rules,
)
from seatrial.packaging.prometheus_watch_rules import (
    drift_rules,
    performance_rules,
    presence_rules,
    stopped_rules,
)
from seatrial.packaging.promql import span
from seatrial.packaging.yaml_text import dump

Group: TypeAlias = dict[str, object]

_COMMENT = "Made by seatrial. Levels come from the section service of monitoring.yaml."
_DEFAULT = RuleTiming()


def rule_file(config: ServiceConfig, *, timing: RuleTiming = _DEFAULT, serves: bool = True) -> str:
    """The rules as a file for ``rule_files`` of Prometheus' configuration; see `rule_groups`."""
    return dump({"groups": rule_groups(config, timing=timing, serves=serves)}, comment=_COMMENT)


def prometheus_rule(
    config: ServiceConfig,
    *,
    name: str = "seatrial",
    labels: Mapping[str, str] | None = None,
    timing: RuleTiming = _DEFAULT,
    serves: bool = True,
) -> str:
    """The rules as a resource for ``kubectl apply``.

    Args:
        config: the levels.
        name: of the object.
        labels: further labels, such as the ``release`` that an operator selects rules by.
        timing: how patient they are.
        serves: see `rule_groups`.
    """
    document: dict[str, object] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/part-of": "seatrial",
                "app.kubernetes.io/managed-by": "seatrial",
                **(labels or {}),
            },
        },
        "spec": {"groups": rule_groups(config, timing=timing, serves=serves)},
    }
    return dump(document, comment=_COMMENT)


def rule_groups(
    config: ServiceConfig, *, timing: RuleTiming = _DEFAULT, serves: bool = True
) -> list[Group]:
    """The groups of rules; one whose levels are all switched off is left out.

    Args: ``serves``: whether seatrial serves the models too; where another server does, the rules
        that ask for the metrics of a server of seatrial are left out.
    """
    of_server: dict[str, Iterator[Rule]] = {
        "seatrial-recorded": recorded(config),
        "seatrial-errors": error_rules(config, timing),
        "seatrial-latency": latency_rules(config, timing),
        "seatrial-throughput": throughput_rules(config, timing),
        "seatrial-saturation": saturation_rules(config, timing),
    }
    made: dict[str, Iterator[Rule]] = {
        **(of_server if serves else {}),
        "seatrial-presence": presence_rules(timing) if serves else stopped_rules(timing),
        "seatrial-drift": drift_rules(timing),
        "seatrial-performance": performance_rules(timing),
    }
    return [
        {"name": name, "interval": span(timing.every_s), "rules": rules}
        for name, group in made.items()
        if (rules := list(group))
    ]
