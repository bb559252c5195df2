"""Which notifier a sink gets, and a message that goes the whole way."""

import json
from dataclasses import replace

import pytest

from seatrial.adapters.notify.alertmanager import AlertmanagerNotifier
from seatrial.adapters.notify.smtp import SmtpNotifier
from seatrial.adapters.notify.webhook import WebhookNotifier
from seatrial.monitoring.alerts.notify import SinkInvalid
from seatrial.monitoring.alerts.notify_config import NotifyConfig, SecretMissing
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.notifier_suite import sample_alert
from seatrial.wiring.watching.notifiers import couriers_of, notifier_of

SINKS = {
    "ops": {"kind": "slack", "url_env": "OPS_URL"},
    "team": {"kind": "feishu", "url_env": "TEAM_URL", "secret_env": "TEAM_SECRET"},
    "mail": {"kind": "email", "host": "m.example", "sender": "a@b.example", "to": ["c@d.example"]},
    "am": {"kind": "alertmanager", "url": "http://am.example:9093"},
    "own": {"kind": "webhook", "url": "http://own.example/"},
}
ENV = {"OPS_URL": "https://o.example/x", "TEAM_URL": "https://t.example/x", "TEAM_SECRET": "s"}
CONFIG = NotifyConfig.model_validate({"sinks": SINKS})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ops", WebhookNotifier),
        ("team", WebhookNotifier),
        ("mail", SmtpNotifier),
        ("am", AlertmanagerNotifier),
        ("own", WebhookNotifier),
    ],
)
def test_every_kind_of_sink_has_its_notifier(name, kind):
    assert isinstance(notifier_of(name, CONFIG, ENV, FakeClock()), kind)


def test_a_secret_that_is_not_set_is_said_at_the_start():
    with pytest.raises(SecretMissing, match="TEAM_SECRET"):
        couriers_of(CONFIG, MemoryStore(), env={**ENV, "TEAM_SECRET": ""}, clock=FakeClock())


def test_an_address_that_is_none_is_said_at_the_start_without_showing_it():
    with pytest.raises(SinkInvalid) as invalid:
        notifier_of("ops", CONFIG, {**ENV, "OPS_URL": "ftp://secret"}, FakeClock())
    assert "ftp://secret/" not in str(invalid.value)


def test_a_message_goes_the_whole_way_in_the_language_asked_for(hooks):
    config = NotifyConfig.model_validate(
        {
            "language": "zh",
            "console": "https://console.example",
            "sinks": {"own": {"kind": "webhook", "url": hooks.url, "wait": 0}},
        }
    )
    clock = FakeClock()
    now = clock.now()
    couriers = couriers_of(config, MemoryStore(clock), env={}, clock=clock)
    couriers.tick([replace(sample_alert(), fired_at=now, severity_at=now)])
    assert couriers.settle(10)
    couriers.close()
    said = json.loads(hooks.taken[0].body)
    assert said["title"].startswith("【严重】churn：输入漂移")
    assert "https://console.example" in said["text"]
