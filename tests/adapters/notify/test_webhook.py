"""Bodies and signatures against what receivers and vendors document."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from standardwebhooks import Webhook

from seatrial.adapters.notify.chat_bodies import (
    check_answer,
    clipped_bytes,
    dingtalk_query,
    feishu_signature,
)
from seatrial.adapters.notify.webhook import Dialect, WebhookNotifier
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import NotificationRefused, SinkInvalid, SinkUnavailable
from seatrial.testing.clock import FakeClock
from seatrial.testing.notifier_suite import sample_alert, sample_notification

HOSTILE = "<!channel> <@U1> <https://evil.example|x> [y](https://evil.example) <at id=all></at>"
OK = {
    Dialect.FEISHU: b'{"code": 0}',
    Dialect.DINGTALK: b'{"errcode": 0}',
    Dialect.WECOM: b'{"errcode": 0}',
}


def send(hooks, dialect, *alerts, **given):
    """The request that a notification makes."""
    hooks.answer = OK.get(dialect, b"ok")
    WebhookNotifier(dialect, hooks.url, **given).send(sample_notification(*alerts))
    return hooks.taken[-1]


# The plain body.


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"k" * 24).decode(), "plain text"])
def test_the_plain_body_is_signed_as_standard_webhooks_says(hooks, secret):
    taken = send(hooks, Dialect.GENERIC, secret=secret)
    key = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
    assert Webhook(key).verify(taken.body, taken.headers) == taken.json
    assert taken.headers["webhook-id"] == taken.json["id"] == sample_notification().id


def test_without_a_secret_it_is_not_signed(hooks):
    assert "webhook-signature" not in send(hooks, Dialect.GENERIC).headers


def test_the_plain_body_says_what_since_when_how_sure_where_and_what_to_do(hooks):
    said = send(hooks, Dialect.GENERIC).json
    assert (said["schema"], said["status"], said["severity"]) == (1, "firing", "critical")
    assert said["title"] == "[CRITICAL] churn: input drift (1 firing, 0 resolved)"
    for words in (
        "PSI of income is 0.31",
        "Since: 2030-01-01 11:00 UTC (1 h)",
        "false alarm in 1 of 10,000 windows",
        "Features: income, age",
        "Segments: country=DE",
        "What to do next",
    ):
        assert words in said["text"]
    (alert,) = said["alerts"]
    assert alert["labels"]["version"] == 3
    assert alert["finding"]["evidence"] == {"psi": 0.31}
    assert alert["key"] == sample_alert().key


def test_an_end_is_told_as_resolved(hooks):
    said = send(hooks, Dialect.GENERIC, sample_alert(phase=Phase.RESOLVED)).json
    assert said["status"] == "resolved"
    assert said["title"].startswith("[RESOLVED]")


def test_a_secret_that_is_not_base64_is_refused():
    with pytest.raises(SinkInvalid, match="not base64"):
        WebhookNotifier(Dialect.GENERIC, "http://a.example/", secret="whsec_%%%")


@pytest.mark.parametrize("dialect", [Dialect.SLACK, Dialect.WECOM])
def test_a_secret_nobody_signs_with_is_refused(dialect):
    with pytest.raises(SinkInvalid, match="not signed"):
        WebhookNotifier(dialect, "http://a.example/", secret="s")


# Slack: https://docs.slack.dev/reference/block-kit/blocks

TEXT = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {
        "type": {"enum": ["plain_text", "mrkdwn"]},
        "text": {"type": "string", "minLength": 1, "maxLength": 3000},
        "emoji": {"type": "boolean"},
    },
    "additionalProperties": False,
}
SLACK = {
    "type": "object",
    "required": ["text", "blocks"],
    "properties": {
        "text": {"type": "string", "maxLength": 40000},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "oneOf": [
                    {
                        "properties": {
                            "type": {"const": "header"},
                            "text": {
                                "allOf": [
                                    TEXT,
                                    {
                                        "properties": {
                                            "type": {"const": "plain_text"},
                                            "text": {"maxLength": 150},
                                        }
                                    },
                                ]
                            },
                        },
                        "required": ["type", "text"],
                    },
                    {
                        "properties": {"type": {"const": "section"}, "text": TEXT},
                        "required": ["type", "text"],
                    },
                    {
                        "properties": {
                            "type": {"const": "context"},
                            "elements": {"type": "array", "maxItems": 10, "items": TEXT},
                        },
                        "required": ["type", "elements"],
                    },
                ]
            },
        },
    },
    "additionalProperties": False,
}


def many() -> list:
    return [sample_alert(feature=f"特征 {'<' * 190} {i}") for i in range(60)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("n", [1, 60])
def test_slack_gets_blocks_within_its_limits(hooks, language, n):
    said = send(
        hooks, Dialect.SLACK, *many()[:n], language=language, link="http://console.example"
    ).json
    jsonschema.validate(said, SLACK)


def test_no_name_mentions_or_links_anything_in_slack(hooks):
    said = send(hooks, Dialect.SLACK, sample_alert(feature=HOSTILE)).body.decode()
    assert "<" not in said
    assert "&lt;!channel&gt;" in said


# Feishu: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot


def test_feishu_gets_a_signed_card(hooks):
    clock = FakeClock(datetime.fromtimestamp(1599360473, UTC))
    said = send(hooks, Dialect.FEISHU, secret="abc", clock=clock, language="zh").json
    assert said["timestamp"] == "1599360473"
    key = b"1599360473\nabc"
    assert said["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert said["msg_type"] == "interactive"
    assert said["card"]["header"] == {
        "template": "red",
        "title": {
            "tag": "plain_text",
            "content": "【严重】churn：输入漂移（1 条触发中，0 条已恢复）",
        },
    }
    (element,) = said["card"]["elements"]
    assert element["text"]["tag"] == "plain_text"
    assert "income 的 PSI 为 0.31" in element["text"]["content"]


@pytest.mark.parametrize(
    ("severity", "phase", "colour"),
    [
        (Level.CRITICAL, Phase.FIRING, "red"),
        (Level.WARNING, Phase.FIRING, "orange"),
        (Level.CRITICAL, Phase.RESOLVED, "green"),
    ],
)
def test_the_card_has_the_colour_of_the_trouble(hooks, severity, phase, colour):
    said = send(hooks, Dialect.FEISHU, sample_alert(severity=severity, phase=phase)).json
    assert said["card"]["header"]["template"] == colour
    assert "sign" not in said


def test_a_card_stays_under_twenty_kilobytes(hooks):
    assert len(send(hooks, Dialect.FEISHU, *many()).body) < 20 * 1024


def test_feishu_signs_with_seconds_and_nothing_as_message():
    assert feishu_signature("abc", 1)["timestamp"] == "1"


# DingTalk: https://open.dingtalk.com/document/robots/custom-robot-access


def test_dingtalk_is_signed_in_the_address(hooks):
    clock = FakeClock(datetime.fromtimestamp(1577262236.757, UTC))
    taken = send(hooks, Dialect.DINGTALK, secret="SECx", clock=clock)
    query = parse_qs(urlsplit(taken.path).query)
    at_ms = query["timestamp"][0]
    assert abs(int(at_ms) - 1577262236757) <= 1
    wanted = hmac.new(b"SECx", f"{at_ms}\nSECx".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(wanted).decode()]


def test_the_example_of_dingtalks_documentation():
    """The Python sample there, with "this is secret", written out."""
    from urllib.parse import quote_plus

    code = hmac.new(b"this is secret", b"1700000000000\nthis is secret", hashlib.sha256).digest()
    sign = quote_plus(base64.b64encode(code))
    assert dingtalk_query("this is secret", 1700000000000) == (
        f"timestamp=1700000000000&sign={sign}"
    )


def test_a_token_in_the_address_is_kept_beside_the_signature(hooks):
    hooks.answer = OK[Dialect.DINGTALK]
    url = hooks.url + "?access_token=tok"
    WebhookNotifier(Dialect.DINGTALK, url, secret="SECx").send(sample_notification())
    query = parse_qs(urlsplit(hooks.taken[0].path).query)
    assert query["access_token"] == ["tok"]
    assert set(query) == {"access_token", "timestamp", "sign"}


def test_dingtalk_gets_markdown_that_mentions_nobody(hooks):
    taken = send(hooks, Dialect.DINGTALK, sample_alert(feature=HOSTILE))
    said = taken.json
    assert set(said) == {"msgtype", "markdown", "at"}
    assert (said["msgtype"], said["at"]) == ("markdown", {"isAtAll": False})
    assert set(said["markdown"]) == {"title", "text"}
    assert not set("<[]") & set(said["markdown"]["text"])
    assert len(send(hooks, Dialect.DINGTALK, *many()).body) < 20_000


# WeCom: https://developer.work.weixin.qq.com/document/path/91770


def test_wecom_gets_markdown_of_at_most_4096_bytes(hooks):
    said = send(hooks, Dialect.WECOM, *many(), language="zh").json
    assert set(said) == {"msgtype", "markdown"}
    assert 4000 < len(said["markdown"]["content"].encode()) <= 4096
    hostile = send(hooks, Dialect.WECOM, sample_alert(feature=HOSTILE)).json
    assert not set("<[]") & set(hostile["markdown"]["content"])


# Answers.


@pytest.mark.parametrize("text", ["", "[]", "null", "<html>", '{"code": null}', "{", "[" * 9999])
@pytest.mark.parametrize("vendor", ["feishu", "dingtalk", "wecom"])
def test_an_answer_nobody_gives_is_a_sink_that_is_down(vendor, text):
    with pytest.raises(SinkUnavailable, match="none of its answers"):
        check_answer(vendor, text)


def test_an_unknown_code_may_pass():
    with pytest.raises(SinkUnavailable, match="code 93000 invalid webhook url") as failed:
        check_answer("wecom", json.dumps({"errcode": 93000, "errmsg": "invalid webhook url"}))
    assert failed.value.facts["retry_after_s"] == 0.0


def test_a_busy_bot_is_left_alone_for_a_minute():
    with pytest.raises(SinkUnavailable) as busy:
        check_answer("dingtalk", '{"errcode": 130101, "errmsg": "send too fast"}')
    assert busy.value.facts["retry_after_s"] == 60.0


def test_a_message_the_bot_will_never_take():
    with pytest.raises(NotificationRefused):
        check_answer("dingtalk", '{"errcode": 460101, "errmsg": "message too long"}')


def test_feishus_former_answers_are_understood():
    assert check_answer("feishu", '{"StatusCode": 0, "StatusMessage": "success"}') == "code 0"


@pytest.mark.parametrize("n", range(4, 12))
def test_a_cut_leaves_whole_characters(n):
    assert len(clipped_bytes("漂移检测告警", n).encode()) <= n
