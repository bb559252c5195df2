"""What an Alertmanager is posted, and that a real one takes it."""

import json
import subprocess
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from seatrial.adapters.notify.alertmanager import AlertmanagerNotifier
from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.finding import Level
from seatrial.testing.clock import FakeClock
from seatrial.testing.notifier_suite import sample_alert, sample_notification

AT = sample_notification().at

# https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, postableAlerts
LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": {"type": "string", "minLength": 1},
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
POSTABLE = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["labels"],
        "properties": {
            "labels": {**LABELS, "required": ["alertname"]},
            "annotations": LABELS,
            "startsAt": TIME,
            "endsAt": TIME,
            "generatorURL": {"type": "string", "format": "uri"},
        },
        "additionalProperties": False,
    },
}


def posted(*alerts, now=AT, **given):
    notifier = AlertmanagerNotifier("http://am.example:9093", clock=FakeClock(now), **given)
    found = notifier.alerts(sample_notification(*alerts))
    jsonschema.validate(found, POSTABLE)
    return found


def test_a_firing_alert_stands_for_four_repeats_from_when_it_is_sent():
    later = AT + timedelta(hours=5)
    (alert,) = posted(now=later)
    assert alert["labels"] == {
        "alertname": "SeatrialInputDrift",
        "severity": "critical",
        "endpoint": "churn",
        "kind": "input_drift",
        "version": "3",
        "feature": "income",
        "segment": "country=DE",
    }
    assert alert["startsAt"] == "2030-01-01T11:30:00.000Z"
    assert alert["endsAt"] == "2030-01-01T21:00:00.000Z"


def test_an_alert_that_is_over_ends_when_it_ended():
    (alert,) = posted(sample_alert(phase=Phase.RESOLVED), now=AT + timedelta(hours=5))
    assert alert["endsAt"] == "2030-01-01T12:00:00.000Z"


def test_annotations_say_what_to_do_and_the_link_leads_to_the_endpoint():
    (alert,) = posted(link="https://console.example/", language="zh")
    assert alert["annotations"]["description"] == "income 的 PSI 为 0.31"
    assert alert["annotations"]["next"].startswith("1. ")
    key = sample_alert().key
    assert alert["generatorURL"] == f"https://console.example/endpoints/churn#alert-{key}"


def test_an_alert_that_escalated_ends_as_a_warning():
    worse = replace(sample_alert(), severity_at=AT - timedelta(minutes=10))
    critical, warning = posted(worse)
    assert (critical["labels"]["severity"], warning["labels"]["severity"]) == (
        "critical",
        "warning",
    )
    assert warning["endsAt"] == "2030-01-01T11:50:00.000Z"


def test_an_episode_told_late_does_not_end_the_newer_one():
    first = sample_alert(phase=Phase.RESOLVED)
    second = replace(sample_alert(), episode=2)
    (alert,) = posted(second, first)
    assert alert["endsAt"] > "2030-01-01T12:00"


def test_the_address_may_have_a_prefix(hooks):
    AlertmanagerNotifier(hooks.url + "/").send(sample_notification())
    assert hooks.taken[0].path == "/hooks/SECRET-PATH/api/v2/alerts"


# A real one.

BINARY = Path("/usr/bin/prometheus-alertmanager")
CONFIG = """
route: {receiver: none, group_by: [alertname], group_wait: 0s}
receivers: [{name: none}]
"""


@pytest.fixture
def alertmanager(tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "config.yml").write_text(CONFIG)
    command = [
        str(BINARY),
        f"--config.file={tmp_path / 'config.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(200):
                assert server.poll() is None, (tmp_path / "log").read_text()
                try:
                    urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield url
        finally:
            server.terminate()


def known(url: str) -> dict[str, str]:
    """Severity and state of the alerts an Alertmanager shows as active."""
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as answer:
        return {a["labels"]["severity"]: a["status"]["state"] for a in json.load(answer)}


@pytest.mark.integration
def test_a_real_alertmanager_follows_the_life_of_an_alert(alertmanager):
    now = datetime.now(UTC)
    notifier = AlertmanagerNotifier(alertmanager, clock=SystemClock())
    begun = now - timedelta(minutes=30)
    warning = replace(sample_alert(severity=Level.WARNING), fired_at=begun, severity_at=begun)
    notifier.send(sample_notification(warning))
    assert known(alertmanager) == {"warning": "active"}

    worse = replace(warning, severity=Level.CRITICAL, severity_at=now)
    notifier.send(sample_notification(worse))
    notifier.send(sample_notification(worse))
    assert known(alertmanager) == {"critical": "active"}

    over = replace(worse, phase=Phase.RESOLVED, resolved_at=datetime.now(UTC))
    notifier.send(sample_notification(over))
    assert known(alertmanager) == {}

    again = replace(worse, episode=2, fired_at=now, severity_at=now)
    notifier.send(sample_notification(again))
    assert known(alertmanager) == {"critical": "active"}


@pytest.mark.integration
def test_a_real_alertmanager_takes_hostile_names_and_hundreds(alertmanager):
    notifier = AlertmanagerNotifier(alertmanager, language="zh")
    now = datetime.now(UTC)
    names = ["<b>\u202e\n", "人口", "a" * 190, *(f"f{i}" for i in range(197))]
    many = [replace(sample_alert(feature=name), fired_at=now, severity_at=now) for name in names]
    notifier.send(sample_notification(*many))
    with urllib.request.urlopen(f"{alertmanager}/api/v2/alerts", timeout=5) as answer:
        assert len(json.load(answer)) == 200
