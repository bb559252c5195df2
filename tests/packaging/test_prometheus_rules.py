import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from seatrial.monitoring.service.config import (
    BudgetConfig,
    BurnConfig,
    Levels,
    ServiceConfig,
    ThroughputConfig,
)
from seatrial.monitoring.service.exposition import FAMILIES
from seatrial.packaging.prometheus_rule import RuleTiming
from seatrial.packaging.prometheus_rules import prometheus_rule, rule_file, rule_groups
from seatrial.serving.metrics import WorkerCounts, exposition

SCHEMA = json.loads(
    (Path(__file__).parent / "schemas" / "prometheusrule-monitoring-v1.json").read_text()
)
DEFAULT = ServiceConfig()
OFF = ServiceConfig(
    p95_ms=None,
    error_rate=None,
    shed_share=None,
    queue_share=None,
    cpu_share=None,
    memory_share=None,
    error_budget=None,
    throughput=None,
)


def rules(config: ServiceConfig = DEFAULT) -> list[dict[str, Any]]:
    return [rule for group in rule_groups(config) for rule in group["rules"]]


def alerts(config: ServiceConfig = DEFAULT) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules(config) if "alert" in rule}


def test_the_resource_is_what_its_operator_accepts() -> None:
    document = yaml.safe_load(prometheus_rule(DEFAULT, labels={"release": "kube-prometheus"}))
    jsonschema.validate(document, SCHEMA)
    assert document["metadata"]["labels"]["release"] == "kube-prometheus"


def test_the_operator_s_schema_would_find_a_typo() -> None:
    document = yaml.safe_load(prometheus_rule(DEFAULT))
    document["spec"]["groups"][0]["rules"][0]["exrp"] = "1"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_file_and_resource_hold_the_same_rules() -> None:
    document = yaml.safe_load(prometheus_rule(DEFAULT))
    assert yaml.safe_load(rule_file(DEFAULT)) == {"groups": document["spec"]["groups"]}


def test_names_are_not_used_twice() -> None:
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(set(names)) == len(names)
    groups = [group["name"] for group in rule_groups(DEFAULT)]
    assert len(set(groups)) == len(groups)


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    for alert in alerts().values():
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]


def test_every_metric_asked_for_is_one_that_is_told() -> None:
    text = exposition({"w": WorkerCounts(versions=[], store_up=True)})
    told = set(re.findall(r"# TYPE (\S+)", text)) | set(FAMILIES)
    told |= {f"{name}_bucket" for name in told}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {
        name for rule in rules() for name in re.findall(r"seatrial[_:][a-z0-9_:]+", rule["expr"])
    }
    assert asked - told - recorded == set()
    assert len(asked & told) > 10


def test_levels_come_from_the_configuration() -> None:
    config = ServiceConfig(p95_ms=Levels(warning=20, critical=50))
    assert "> 0.02 " in alerts(config)["SeatrialLatencyP95Warning"]["expr"]
    assert "> 0.05 " in alerts(config)["SeatrialLatencyP95Critical"]["expr"]


def test_the_windows_of_the_budget_come_from_the_configuration() -> None:
    pair = BurnConfig(long=60, short=5, factor=2, critical=False)
    made = alerts(ServiceConfig(error_budget=BudgetConfig(share=0.01, windows=(pair,))))
    burn = made["SeatrialErrorBudgetBurn1m"]
    assert burn["expr"].startswith(
        "seatrial:error_ratio:rate1m > 0.02 and seatrial:error_ratio:rate5s > 0.02 and"
    )
    assert burn["labels"]["severity"] == "warning"
    assert not any(name.endswith("Burn1h") for name in made)


def test_what_is_switched_off_has_no_rule() -> None:
    areas = {alert["labels"]["area"] for alert in alerts(OFF).values()}
    assert areas == {"presence", "drift", "performance", "watch"}


def test_a_critical_throughput_is_there_when_it_is_asked_for() -> None:
    assert "SeatrialThroughputCritical" not in alerts()
    assert "SeatrialThroughputCritical" in alerts(
        ServiceConfig(throughput=ThroughputConfig(critical=0.2))
    )


def test_patience_is_an_argument() -> None:
    timing = RuleTiming(every_s=1, for_s=2, absent_s=3)
    groups = rule_groups(DEFAULT, timing=timing)
    assert {group["interval"] for group in groups} == {"1s"}
    made = {rule.get("alert"): rule for group in groups for rule in group["rules"]}  # type: ignore[attr-defined]
    assert made["SeatrialAbsent"]["for"] == "3s"
    assert made["SeatrialErrorRateCritical"]["for"] == "2s"
