"""The section ``notify``."""

import jsonschema
import pytest
import yaml

from seatrial.kernel.config import ConfigInvalid, load, schema
from seatrial.monitoring.alerts.notify_config import NotifyConfig, SecretMissing, secret_of
from seatrial.monitoring.alerts.outbox import Backoff
from seatrial.monitoring.alerts.silence import Matcher

WHOLE = """
language: zh
console: https://console.example
backlog: 50
retry: {first: 2s, longest: 5m}
sinks:
  ops: {kind: slack, url_env: OPS_URL, match: {severity: critical}, wait: 10s, repeat: 1h}
  team: {kind: feishu, url_env: TEAM_URL, secret_env: TEAM_SECRET, language: en}
  ding: {kind: dingtalk, url_env: DING_URL, secret_env: DING_SECRET}
  wecom: {kind: wecom, url_env: WECOM_URL}
  mail: {kind: email, host: mail.example, sender: a@b.example, to: [c@d.example],
         username_env: MAIL_USER, password_env: MAIL_PASSWORD}
  own: {kind: webhook, url: "https://own.example/hook", secret_env: OWN_SECRET}
  am: {kind: alertmanager, url: "http://am.example:9093"}
"""


def read(tmp_path, text: str) -> NotifyConfig:
    path = tmp_path / "notify.yaml"
    path.write_text(text)
    return load(path, NotifyConfig, {})


def test_a_whole_section(tmp_path):
    config = read(tmp_path, WHOLE)
    assert len(config.sinks) == 7
    assert config.retry.backoff() == Backoff(first_s=2, longest_s=300)
    policy = config.sinks["ops"].policy("ops")
    assert (policy.sink, policy.wait_s, policy.repeat_s) == ("ops", 10, 3600)
    assert policy.matcher == Matcher({"severity": ("critical",)})


def test_the_schema_for_editors_says_the_same():
    validator = jsonschema.Draft202012Validator(schema(NotifyConfig))
    assert validator.is_valid(yaml.safe_load(WHOLE))
    for bad in (
        "sinks: {a: {kind: slack}}",
        "sinks: {a: {kind: wecom, url_env: A, match: {b: c}}}",
    ):
        assert not validator.is_valid(yaml.safe_load(bad))


def test_an_alertmanager_is_told_again_of_what_people_care_for(tmp_path):
    policy = read(tmp_path, WHOLE).sinks["am"].policy("am")
    assert policy.repeat_acknowledged
    assert (policy.wait_s, policy.interval_s, policy.repeat_s) == (0, 60, 3600)


@pytest.mark.parametrize(
    ("sink", "problem"),
    [
        ("{kind: slack, url: 'https://hooks.slack.com/x'}", "url"),
        ("{kind: slack, url_env: A, secret_env: B}", "knows no signature"),
        ("{kind: slack, url_env: 'https://x'}", "url_env"),
        ("{kind: webhook}", "either url or url_env"),
        ("{kind: webhook, url: a, url_env: A}", "either url or url_env"),
        ("{kind: email, host: h, sender: a@b, to: []}", "to"),
        ("{kind: email, host: h, sender: a@b, to: [c@d], username_env: U}", "both"),
        (
            "{kind: email, host: h, sender: a@b, to: [c@d], tls: none, username_env: U,"
            " password_env: P}",
            "unencrypted",
        ),
        ("{kind: pager}", "kind"),
        ("{kind: alertmanager, url: a, repeat: 0}", "repeat"),
        ("{kind: alertmanager, url: a, group_by: [team]}", "group_by"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, sink, problem):
    with pytest.raises(ConfigInvalid, match=problem):
        read(tmp_path, f"sinks: {{ops: {sink}}}")


def test_a_sink_has_a_name_that_can_name_a_stream(tmp_path):
    with pytest.raises(ConfigInvalid):
        read(tmp_path, "sinks: {'a b/c': {kind: wecom, url_env: A}}")


def test_a_secret_that_is_not_there_is_named_by_its_variable():
    assert secret_of("ops", None, {}) == ""
    assert secret_of("ops", "OPS_URL", {"OPS_URL": " https://x \n"}) == "https://x"
    for env in ({}, {"OPS_URL": " "}):
        with pytest.raises(SecretMissing, match=r"'ops' needs .* OPS_URL, .*Set OPS_URL"):
            secret_of("ops", "OPS_URL", env)
