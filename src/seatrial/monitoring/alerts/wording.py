"""What people read: a notification as a message, in English or Chinese.

A message is structure, not markup: each adapter draws it in the markup of its sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from seatrial.kernel.duration import show_duration
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Kind, Phrase
from seatrial.monitoring.alerts.notify import Notification

LANGUAGES = ("en", "zh")

SHOWN = 10
"""Alerts a message tells of in full; it counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One alert of a message.

    Args:
        heading: what it is about.
        lines: name and text of what is known, in the order of reading.
        steps: what to do next.
    """

    heading: str
    lines: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification in words.

    Args:
        title: one line.
        sections: at most `SHOWN`.
        next_steps: the heading of the steps.
        colon: what stands between a name and its text.
        more: how many alerts are not shown, as a sentence; empty when all are.
        link: where to see more; empty when not known.
    """

    title: str
    sections: tuple[Section, ...]
    next_steps: str
    colon: str
    more: str
    link: str

    def text(self) -> str:
        """The message as plain text, without the title."""
        parts = []
        for section in self.sections:
            lines = [
                section.heading,
                *(f"  {name}{self.colon}{text}" for name, text in section.lines),
            ]
            if section.steps:
                lines.append(f"  {self.next_steps}{self.colon}".rstrip())
                lines += [f"  {i}. {step}" for i, step in enumerate(section.steps, 1)]
            parts.append("\n".join(lines))
        return "\n\n".join([*parts, *filter(None, (self.more, self.link))])


def compose(notification: Notification, language: str, *, link: str = "") -> Message:
    """The message of a notification.

    Args:
        language: ``en`` or ``zh``.
        link: address of the console; empty when there is none.
    """
    words = _WORDS[language]
    shown = notification.alerts[:SHOWN]
    n_more = len(notification.alerts) - len(shown)
    return Message(
        title=_title(notification, language),
        sections=tuple(_section(alert, language, notification.at) for alert in shown),
        next_steps=words["next"],
        colon=words["colon"],
        more=words["more"].format(n=n_more) if n_more else "",
        link=link,
    )


def kind_name(kind: str, language: str) -> str:
    """The kind of an alert in words."""
    return _NAMES[kind].text(language) if kind in _NAMES else kind


def steps_of(alert: Alert, language: str) -> tuple[str, ...]:
    """What to do next: what the finding says, else what helps with its kind."""
    steps = alert.finding.steps if alert.finding else ()
    return tuple(step.text(language) for step in steps or _STEPS.get(alert.labels.kind, ()))


def about(alert: Alert, language: str) -> str:
    """What an alert is about, in one line."""
    labels, words = alert.labels, _WORDS[language]
    parts = [f"{labels.endpoint}"]
    if labels.version is not None:
        parts.append(words["version"].format(n=labels.version))
    parts.append(kind_name(labels.kind, language))
    parts += [part for part in (labels.feature, labels.segment) if part]
    return " · ".join(parts)


def moment(at: datetime) -> str:
    """A time as people read it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _title(notification: Notification, language: str) -> str:
    words = _WORDS[language]
    n_firing, n_ended = len(notification.firing), len(notification.ended)
    state = words[notification.severity.value] if n_firing else words["ended"]
    labels = notification.alerts[0].labels
    same_kind = len({alert.labels.kind for alert in notification.alerts}) == 1
    same_endpoint = len({alert.labels.endpoint for alert in notification.alerts}) == 1
    subject = words["colon"].join(
        [labels.endpoint if same_endpoint else words["several"]]
        + ([kind_name(labels.kind, language)] if same_kind else [])
    )
    return words["title"].format(state=state, subject=subject, firing=n_firing, ended=n_ended)


def _section(alert: Alert, language: str, now: datetime) -> Section:
    words, finding = _WORDS[language], alert.finding
    firing = alert.told_as is Phase.FIRING
    state = words[alert.severity.value] if firing else words["ended"]
    lines: list[tuple[str, str]] = []
    if finding is not None:
        lines.append((words["what"], finding.what.text(language)))
        since = finding.since or alert.pending_at
        lines.append((words["since"], _since(since, alert, now, language)))
        lines.append((words["sure"], finding.sure.text(language)))
        lines.append((words["features"], words["comma"].join(finding.features)))
        lines.append((words["segments"], words["comma"].join(finding.segments)))
    stale_s = alert.stale_s(now)
    if stale_s is not None and alert.seen_at is not None:
        lines.append((words["evidence"], stale_text(stale_s, alert.seen_at, language)))
    if not firing and alert.resolved_at is not None:
        lines.append((words["until"], moment(alert.resolved_at)))
    if alert.acknowledged_by:
        lines.append((words["cares"], alert.acknowledged_by))
    return Section(
        heading=words["heading"].format(state=state, about=about(alert, language)),
        lines=tuple((name, text) for name, text in lines if text),
        steps=steps_of(alert, language) if firing else (),
    )


def stale_text(age_s: float, seen_at: datetime, language: str) -> str:
    """That the evidence of a firing alert is old, and so nobody knows whether the trouble lasts."""
    age = show_duration(age_s - age_s % 3600, language=language)
    return _WORDS[language]["stale"].format(age=age, at=moment(seen_at))


def _since(since: datetime | None, alert: Alert, now: datetime, language: str) -> str:
    if since is None:
        return ""
    end = now if alert.told_as is Phase.FIRING else alert.resolved_at
    if end is None or end <= since:
        return moment(since)
    lasted = show_duration((end - since).total_seconds(), language=language)
    return moment(since) + _WORDS[language]["lasted"].format(duration=lasted)


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "warning": "WARNING",
        "critical": "CRITICAL",
        "ended": "RESOLVED",
        "several": "several endpoints",
        "colon": ": ",
        "comma": ", ",
        "title": "[{state}] {subject} ({firing} firing, {ended} resolved)",
        "heading": "[{state}] {about}",
        "lasted": " ({duration})",
        "version": "version {n}",
        "what": "What moved",
        "since": "Since",
        "sure": "How sure",
        "features": "Features",
        "segments": "Segments",
        "until": "Over since",
        "evidence": "Age of it",
        "stale": "about {age} old, of {at}: whether it lasts is not known. "
        "Check that requests still come and that the monitor runs.",
        "cares": "In the hands of",
        "next": "What to do next",
        "more": "And {n} more alerts.",
    },
    "zh": {
        "warning": "警告",
        "critical": "严重",
        "ended": "已恢复",
        "several": "多个端点",
        "colon": "：",
        "comma": "、",
        "title": "【{state}】{subject}（{firing} 条触发中，{ended} 条已恢复）",
        "heading": "【{state}】{about}",
        "lasted": "（{duration}）",
        "version": "版本 {n}",
        "what": "变化",
        "since": "开始时间",
        "sure": "可信度",
        "features": "特征",
        "segments": "分组",
        "until": "恢复时间",
        "evidence": "数据时效",
        "stale": "约 {age}前（{at}）：问题是否仍在无法得知。请确认仍有请求到达、监控仍在运行。",
        "cares": "处理人",
        "next": "下一步",
        "more": "另有 {n} 条告警。",
    },
}

_NAMES: Mapping[str, Phrase] = {
    Kind.LATENCY: Phrase("latency", "延迟"),
    Kind.ERRORS: Phrase("errors", "错误率"),
    Kind.THROUGHPUT: Phrase("throughput", "吞吐量"),
    Kind.SATURATION: Phrase("saturation", "资源饱和"),
    Kind.DATA_QUALITY: Phrase("data quality", "数据质量"),
    Kind.INPUT_DRIFT: Phrase("input drift", "输入漂移"),
    Kind.PREDICTION_DRIFT: Phrase("prediction drift", "预测漂移"),
    Kind.ESTIMATED_PERFORMANCE: Phrase("estimated performance", "估计性能"),
    Kind.PERFORMANCE: Phrase("performance on labels", "真实性能"),
    Kind.SEGMENT_DRIFT: Phrase("drift or data quality in a segment", "分组的漂移或数据质量"),
    Kind.SEGMENT_ESTIMATED_PERFORMANCE: Phrase(
        "estimated performance in a segment", "分组的估计性能"
    ),
    Kind.SEGMENT_PERFORMANCE: Phrase("performance on labels in a segment", "分组的真实性能"),
    Kind.WATCH: Phrase("the watch itself", "监控自身"),
}

_STEPS: Mapping[str, tuple[Phrase, ...]] = {
    Kind.LATENCY: (
        Phrase(
            "See whether it began with a release; if so, run `seatrial rollback`.",
            "查看是否由发布引起；若是，运行 `seatrial rollback`。",
        ),
        Phrase(
            "Compare the queue and the CPU of the workers; add workers if they are full.",
            "比较各工作进程的队列与 CPU；若已满，增加工作进程。",
        ),
    ),
    Kind.ERRORS: (
        Phrase(
            "Read the kinds of error on the endpoint's page: bad input comes from the caller.",
            "在端点页面查看错误类型：输入错误来自调用方。",
        ),
        Phrase(
            "If it began with a release, run `seatrial rollback`.",
            "若由发布引起，运行 `seatrial rollback`。",
        ),
    ),
    Kind.THROUGHPUT: (
        Phrase(
            "Ask whether callers send less, or whether requests are shed on the way.",
            "确认是调用方请求减少，还是请求在途中被拒绝。",
        ),
    ),
    Kind.SATURATION: (
        Phrase(
            "Add workers or lower the batch size before the queue is full.",
            "在队列变满之前增加工作进程或减小批量。",
        ),
    ),
    Kind.DATA_QUALITY: (
        Phrase(
            "Ask who produces the columns named above what changed upstream.",
            "向上述列的数据提供方确认上游的变更。",
        ),
        Phrase(
            "Do not retrain before the data is right.",
            "数据修复之前不要重新训练。",
        ),
    ),
    Kind.INPUT_DRIFT: (
        Phrase(
            "Look at the histograms of the features named above: a fault upstream, or a new "
            "population?",
            "查看上述特征的直方图：是上游故障，还是新的人群？",
        ),
        Phrase(
            "Evaluate the model on recent labelled rows; retrain when it got worse.",
            "用最近的带标签数据评估模型；若变差则重新训练。",
        ),
    ),
    Kind.PREDICTION_DRIFT: (
        Phrase(
            "See whether inputs drift too; if not, compare with the version before.",
            "查看输入是否同时漂移；若没有，与上一版本比较。",
        ),
    ),
    Kind.ESTIMATED_PERFORMANCE: (
        Phrase(
            "Label a random sample of the latest rows to confirm the estimate.",
            "随机标注一批最新数据以确认估计值。",
        ),
    ),
    Kind.PERFORMANCE: (
        Phrase(
            "Retrain on recent labels, or roll back to the version before if it did better.",
            "用最近的标签重新训练；若上一版本更好，则回滚。",
        ),
    ),
    Kind.SEGMENT_DRIFT: (
        Phrase(
            "Ask who sends the segments named above what changed there: a fault upstream, or a "
            "new population?",
            "向上述分组的数据提供方确认发生了什么变化：是上游故障，还是新的人群？",
        ),
        Phrase(
            "Evaluate the model on recent labelled rows of these segments.",
            "用这些分组最近的带标签数据评估模型。",
        ),
    ),
    Kind.SEGMENT_ESTIMATED_PERFORMANCE: (
        Phrase(
            "Label a random sample of the latest rows of these segments to confirm the estimate.",
            "随机标注这些分组的一批最新数据以确认估计值。",
        ),
    ),
    Kind.SEGMENT_PERFORMANCE: (
        Phrase(
            "Look at what changed for these segments; gather labelled rows of them and retrain.",
            "查看这些分组发生了什么变化；收集它们的带标签数据并重新训练。",
        ),
    ),
    Kind.WATCH: (
        Phrase(
            "Do what the message says: until then, part of this endpoint is not watched.",
            "按消息中的提示处理：在此之前，该端点的一部分未被监控。",
        ),
    ),
}
