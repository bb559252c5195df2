"""The section ``triggers``."""

from zoneinfo import ZoneInfo

import pytest

from seatrial.kernel.config import ConfigInvalid, ConfigModel, load
from seatrial.monitoring.triggers.config import TriggersConfig, named_endpoints, rules_of
from seatrial.monitoring.triggers.cron import parse_cron
from seatrial.monitoring.triggers.rule import (
    DAY_S,
    DriftRule,
    Evidence,
    LabelsRule,
    PerformanceRule,
    Quorum,
    ScheduleRule,
)


class Whole(ConfigModel):
    triggers: TriggersConfig = ()


def read(tmp_path, text: str) -> TriggersConfig:
    path = tmp_path / "triggers.yaml"
    path.write_text(text)
    return load(path, Whole, {}).triggers


def test_every_kind_of_rule(tmp_path):
    triggers = read(
        tmp_path,
        """
        triggers:
          - {name: weekly, kind: schedule, cron: "0 3 * * mon", zone: Asia/Shanghai}
          - {name: accuracy, kind: performance, metric: accuracy, under: 0.9}
          - {name: mae, kind: performance, metric: mae, over: 2, quorum: {k: 1, n: 1},
             evidence: labels}
          - {name: drift, kind: drift, features: ["inc*"], cooldown: 2d}
          - {name: labels, kind: labels, rows: 1000, endpoints: ["loans*"]}
        """,
    )
    weekly, accuracy, mae, drift, labels = rules_of(triggers, "loans-eu")
    assert weekly == ScheduleRule(
        name="weekly", cron=parse_cron("0 3 * * mon"), zone=ZoneInfo("Asia/Shanghai")
    )
    assert accuracy == PerformanceRule(
        name="accuracy", metric="accuracy", limit=0.9, quorum=Quorum(k=2, n=3), cooldown_s=DAY_S
    )
    assert (accuracy.evidence, mae.evidence) == (Evidence.CONFIRMED, Evidence.LABELS)
    assert (mae.high_is_good, mae.limit, mae.quorum) == (False, 2.0, Quorum(k=1, n=1))
    assert drift == DriftRule(name="drift", limit=0.2, features=("inc*",), cooldown_s=2 * DAY_S)
    assert labels == LabelsRule(name="labels", n_rows=1000)
    assert [rule.name for rule in rules_of(triggers, "churn")] == [
        "weekly",
        "accuracy",
        "mae",
        "drift",
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{name: a, kind: schedule, cron: '0 3 * *'}", "has 4 fields"),
        ("{name: a, kind: schedule, cron: '@daily', zone: Mars/Olympus}", "no time zone"),
        ("{name: a, kind: schedule, cron: '@daily', zone: ../../etc/passwd}", "no time zone"),
        ("{name: a, kind: performance, metric: accuracy}", "either under or over"),
        ("{name: a, kind: performance, metric: m, under: 1, over: 2}", "either under or over"),
        ("{name: a, kind: drift, psi: 0}", "psi"),
        ("{name: a, kind: drift, quorum: {k: 4, n: 3}}", "can never agree"),
        ("{name: a, kind: labels, rows: 0}", "rows"),
        ("{name: a, kind: mood}", "kind"),
        ("{name: a, kind: labels, rows: 1}, {name: a, kind: drift}", "two triggers are named 'a'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, rule, problem):
    with pytest.raises(ConfigInvalid, match=problem):
        read(tmp_path, f"triggers: [{rule}]")


def test_a_pattern_names_no_endpoint(tmp_path):
    text = """
triggers:
  - {name: a, kind: labels, rows: 5, endpoints: [churn, "wi*", "[ab]", "x?"]}
  - {name: b, kind: labels, rows: 5}
"""
    assert named_endpoints(read(tmp_path, text)) == {"churn"}
