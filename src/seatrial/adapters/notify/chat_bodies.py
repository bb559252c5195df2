"""What chat services take at their web hooks: bodies, signatures, and what their answers mean.

Shapes and limits are those the vendors document (November 2026): Slack's incoming webhooks,
Feishu/Lark's and DingTalk's custom bots, WeCom's group bots. Three of them answer 200 whatever
happened and say in the body what did.

Names of columns and segments come from users' data, so nothing in them may become markup: a link,
or a mention of everybody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import quote_plus

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import Notification, NotificationRefused, SinkUnavailable
from seatrial.monitoring.alerts.wording import Message, Section

_SLACK_TITLE = 150
_SLACK_SECTION = 3000
_FEISHU_BYTES = 18_000  # of 20 KB for the whole body
_DINGTALK_BYTES = 18_000  # of 20,000
_WECOM_BYTES = 4096

_COLOURS = {Level.CRITICAL: "red", Level.WARNING: "orange"}
_BUSY_S = 60.0

_REFUSED = {
    "feishu": {9499},
    "dingtalk": {400105, 430101, 430102, 430104, 460101},
    "wecom": {40008, 40058, 44004},
}
"""Codes that speak of this very message."""

_BUSY = {"feishu": {11232}, "dingtalk": {130101, 410100}, "wecom": {45009}}
"""Codes for too many messages in a minute."""


def slack_body(message: Message) -> dict[str, object]:
    """Blocks; ``text`` is what a phone shows."""
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": _plain(clipped(message.title, _SLACK_TITLE))}
    ]
    for section in message.sections:
        text = clipped(_slack_section(section, message), _SLACK_SECTION)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    rest = "\n".join(filter(None, (message.more, message.link)))
    if rest:
        blocks.append({"type": "context", "elements": [_plain(rest)]})
    return {"text": _slack(message.title), "blocks": blocks}


def feishu_body(notification: Notification, message: Message) -> dict[str, object]:
    """A card. Everything is plain text, so that no name can mention or link anything."""
    colour = _COLOURS[notification.severity] if notification.firing else "green"
    text = clipped_bytes(message.text(), _FEISHU_BYTES)
    return {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {
                "template": colour,
                "title": {"tag": "plain_text", "content": message.title},
            },
            "elements": [{"tag": "div", "text": {"tag": "plain_text", "content": text}}],
        },
    }


def feishu_signature(secret: str, at_s: int) -> dict[str, str]:
    """The keys that sign a body: the HMAC of nothing, under time and secret."""
    key = f"{at_s}\n{secret}".encode()
    sign = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    return {"timestamp": str(at_s), "sign": sign}


def dingtalk_body(message: Message) -> dict[str, object]:
    """Markdown; nobody is mentioned."""
    text = f"### {_inert(message.title)}\n\n{_markdown(message)}"
    return {
        "msgtype": "markdown",
        "markdown": {
            "title": message.title,
            "text": clipped_bytes(text, _DINGTALK_BYTES),
        },
        "at": {"isAtAll": False},
    }


def dingtalk_query(secret: str, at_ms: int) -> str:
    """The part of the address that signs a request."""
    text = f"{at_ms}\n{secret}".encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return f"timestamp={at_ms}&sign={quote_plus(base64.b64encode(digest))}"


def wecom_body(message: Message) -> dict[str, object]:
    """Markdown of at most 4096 bytes."""
    text = f"### {_inert(message.title)}\n{_markdown(message)}"
    return {"msgtype": "markdown", "markdown": {"content": clipped_bytes(text, _WECOM_BYTES)}}


def check_answer(vendor: str, text: str) -> str:
    """What an answer with status 200 says, short.

    Raises: SinkUnavailable, NotificationRefused: it says that the message was not taken.
    """
    try:
        answer = json.loads(text)
        named = "code" if "code" in answer else "StatusCode"  # Feishu's former bots say the latter
        code = int(answer[named if vendor == "feishu" else "errcode"])
    except (ValueError, TypeError, KeyError, RecursionError) as odd:
        raise SinkUnavailable(
            f"{vendor} answered something that is none of its answers.",
            remedy="See whether the address is that of a bot's web hook.",
        ) from odd
    if code == 0:
        return "code 0"
    reason = str(answer.get("errmsg") or answer.get("msg") or "")[:200]
    kind: type[SeatrialError] = SinkUnavailable
    if code in _REFUSED[vendor]:
        kind = NotificationRefused
    raise kind(
        f"{vendor} did not take the message: code {code} {reason}",
        remedy="Look the code up in the vendor's documentation of custom bots.",
        vendor_code=code,
        retry_after_s=_BUSY_S if code in _BUSY[vendor] else 0.0,
    )


def clipped(text: str, n: int) -> str:
    """``text``, of at most ``n`` characters."""
    return text if len(text) <= n else text[: n - 1] + "…"


def clipped_bytes(text: str, n: int) -> str:
    """``text``, of at most ``n`` bytes in UTF-8, whole characters."""
    data = text.encode()
    if len(data) <= n:
        return text
    return data[: n - len("…".encode())].decode("utf-8", "ignore") + "…"


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _slack_section(section: Section, message: Message) -> str:
    lines = [f"*{_slack(section.heading)}*"]
    lines += [f"*{name}:* {_slack(text)}" for name, text in section.lines]
    if section.steps:
        lines.append(f"*{message.next_steps}:*")
        lines += [f"{i}. {_slack(step)}" for i, step in enumerate(section.steps, 1)]
    return "\n".join(lines)


def _slack(text: str) -> str:
    """The three characters Slack gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown(message: Message) -> str:
    parts = []
    for section in message.sections:
        lines = [f"**{_inert(section.heading)}**"]
        lines += [f"> {name}: {_inert(text)}" for name, text in section.lines]
        if section.steps:
            lines.append(f"> {message.next_steps}:")
            lines += [f"> {i}. {_inert(step)}" for i, step in enumerate(section.steps, 1)]
        parts.append("\n\n".join(lines))
    return "\n\n".join([*parts, *filter(None, (message.more, message.link))])


_INERT = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］"})


def _inert(text: str) -> str:
    """Brackets as their wide twins: these dialects document no way to escape a link or mention."""
    return text.translate(_INERT)
