"""Notifications by web hook: plain JSON for programs, and the bodies of four chat services.

The plain body is signed as Standard Webhooks 1.0 says (standardwebhooks.com), so receivers find a
library that checks it; the idempotency key is its ``webhook-id``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from enum import StrEnum

from seatrial.adapters.http.post import checked_url, post
from seatrial.adapters.notify.chat_bodies import (
    check_answer,
    dingtalk_body,
    dingtalk_query,
    feishu_body,
    feishu_signature,
    slack_body,
    wecom_body,
)
from seatrial.kernel.clock import Clock, SystemClock
from seatrial.monitoring.alerts.notify import Notification, Receipt, SinkInvalid, alert_record
from seatrial.monitoring.alerts.wording import Message, compose

SCHEMA = 1
_SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, no secret


class Dialect(StrEnum):
    """Whose bodies a web hook takes."""

    GENERIC = "generic"
    SLACK = "slack"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"


class WebhookNotifier:
    """`monitoring.notify.Notifier` over HTTP.

    Args:
        dialect: whose body to send; Lark takes Feishu's.
        url: of the web hook; a secret itself with chat services.
        secret: signs plain bodies, Feishu's and DingTalk's; empty for none.
        language: ``en`` or ``zh``.
        link: address of the console, for people to follow.
        timeout_s: for one attempt, in seconds > 0.
        proxy: http address of a proxy to go through; empty for none.
        clock: dates the signatures.
    Raises: SinkInvalid.
    """

    def __init__(
        self,
        dialect: Dialect,
        url: str,
        *,
        secret: str = "",
        language: str = "en",
        link: str = "",
        timeout_s: float = 10.0,
        proxy: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._dialect = dialect
        checked_url(url)
        if proxy:
            checked_url(proxy)
        self._url = url
        self._proxy = proxy
        if secret and dialect in (Dialect.SLACK, Dialect.WECOM):
            raise SinkInvalid(
                f"A sink of kind {dialect.value} has a secret, but its bodies are not signed.",
                remedy="Leave the secret out; the address itself is the secret.",
            )
        self._secret = secret
        if dialect is Dialect.GENERIC and secret:
            _key(secret)
        self._language = language
        self._link = link
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()

    def send(self, notification: Notification) -> Receipt:
        """See Notifier."""
        message = compose(notification, self._language, link=self._link)
        content = self._content(notification, message)
        body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "seatrial"}
        if self._dialect is Dialect.GENERIC:
            headers |= self._standard_headers(notification.id, body)
        timeout_s, proxy = self._timeout_s, self._proxy
        reply = post(self._address(), body, headers, timeout_s=timeout_s, proxy=proxy)
        if self._dialect in (Dialect.FEISHU, Dialect.DINGTALK, Dialect.WECOM):
            return Receipt(detail=check_answer(self._dialect.value, reply.body))
        return Receipt(detail=f"status {reply.status}")

    def _content(self, notification: Notification, message: Message) -> dict[str, object]:
        match self._dialect:
            case Dialect.GENERIC:
                return generic_body(notification, message)
            case Dialect.SLACK:
                return slack_body(message)
            case Dialect.FEISHU:
                signed = feishu_signature(self._secret, self._now_s()) if self._secret else {}
                return signed | feishu_body(notification, message)
            case Dialect.DINGTALK:
                return dingtalk_body(message)
            case Dialect.WECOM:
                return wecom_body(message)

    def _address(self) -> str:
        if self._dialect is not Dialect.DINGTALK or not self._secret:
            return self._url
        at_ms = int(self._clock.now().timestamp() * 1000)
        joint = "&" if "?" in self._url else "?"
        return self._url + joint + dingtalk_query(self._secret, at_ms)

    def _standard_headers(self, id: str, body: bytes) -> dict[str, str]:  # noqa: A002
        at_s = self._now_s()
        headers = {"webhook-id": id, "webhook-timestamp": str(at_s)}
        if self._secret:
            signed = f"{id}.{at_s}.".encode() + body
            digest = hmac.new(_key(self._secret), signed, hashlib.sha256).digest()
            headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
        return headers

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())


def generic_body(notification: Notification, message: Message) -> dict[str, object]:
    """What programs get: the words of the message and the record of every alert."""
    return {
        "schema": SCHEMA,
        "id": notification.id,
        "status": "firing" if notification.firing else "resolved",
        "severity": notification.severity.value,
        "group": notification.group,
        "at": notification.at.isoformat(),
        "title": message.title,
        "text": message.text(),
        "alerts": [alert_record(alert) for alert in notification.alerts],
    }


def _key(secret: str) -> bytes:
    """The key of a secret: base64 after ``whsec_``, the text itself otherwise."""
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error as bad:
        raise SinkInvalid(
            "The secret of a web hook begins with 'whsec_' but is not base64 after it.",
            remedy="Copy it whole, or use a secret without that prefix.",
        ) from bad
