"""Every word of the console in every language it speaks; templates hold keys only."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_EN = {
    "title": "seatrial console",
    "endpoints": "Endpoints",
    "no_endpoints": "Nothing is deployed yet.",
    "first_step": "Deploy a model with this command:",
    "production": "In production",
    "nothing": "nothing yet",
    "version": "version",
    "release": "Release",
    "no_release": "No release yet.",
    "evidence": "Evidence",
    "no_evidence": "No request has been judged yet.",
    "gate": "Gate",
    "interval": "Interval against limit",
    "traffic": "Traffic of the last 15 minutes",
    "no_traffic": "No request in the last 15 minutes.",
    "answers": "Answers",
    "errors": "Errors",
    "error_rate": "Error rate",
    "rejected": "Refused",
    "shed": "Shed",
    "history": "History",
    "when": "When",
    "what": "What",
    "who": "Who",
    "why": "Details",
    "promote": "Promote",
    "abort": "Abort",
    "rollback": "Roll back to version",
    "sure_promote": "Give this version all traffic before the gates have decided?",
    "sure_abort": "End this release and send all traffic to the stable version?",
    "sure_rollback": "Send all traffic to the version before?",
    "watched": "watched",
    "of": "of",
    "share": "of keys",
    "waits_for": "Waits for",
    "workers": "workers up to date",
    "no_server": "no server runs on this store",
    "latency_chart": "Latency p95 in ms, by version",
    "rate_chart": "Requests per second, by version",
    "error_chart": "Error rate in %, by version",
    "log_in": "Log in",
    "token": "Control token (SEATRIAL_TOKEN of the server)",
    "wrong_token": "This is not the token.",
    "language": "Language",
    "stale": "The server does not answer; what is shown may be old.",
    "pass": "pass",
    "fail": "fail",
    "inconclusive": "inconclusive",
    "dry_run": "dry run",
    "by_limit": "limit",
    "phase.staging": "staging",
    "phase.staged": "staged",
    "phase.rejected": "rejected",
    "phase.warming": "warming",
    "phase.canary": "canary",
    "phase.held": "held",
    "phase.promoted": "promoted",
    "phase.aborted": "aborted",
    "latency": "latency",
    "against_stable": " against stable",
    "open_end": "any value",
    "about_needed": "about {n} more needed",
    "requests_seen": "{n} requests",
    "requests_per_s": "{n} requests per second",
    "newest_first": "newest first, times of this computer",
    "staging_tests": "Staging tests",
    "not_found": "There is nothing here.",
    "not_read": "not read",
    "blocked": "Stands still",
    "fact.release.started": "release started",
    "fact.staging.passed": "staging passed",
    "fact.staging.failed": "staging failed",
    "fact.release.staged": "staged",
    "fact.canary.warming": "workers load the version",
    "fact.step.entered": "canary step entered",
    "fact.evidence.recorded": "evidence",
    "fact.step.extended": "watch extended",
    "fact.release.held": "held for a person",
    "fact.release.promoted": "promoted",
    "fact.release.aborted": "aborted",
    "fact.endpoint.rolled_back": "rolled back",
}

_ZH = {
    "title": "seatrial 控制台",
    "endpoints": "服务端点",
    "no_endpoints": "还没有部署任何模型。",
    "first_step": "用这条命令部署模型：",
    "production": "生产版本",
    "nothing": "尚无",
    "version": "版本",
    "release": "发布",
    "no_release": "还没有发布。",
    "evidence": "证据",
    "no_evidence": "还没有可评判的请求。",
    "gate": "门禁",
    "interval": "置信区间与上限",
    "traffic": "最近 15 分钟的流量",
    "no_traffic": "最近 15 分钟没有请求。",
    "answers": "应答",
    "errors": "错误",
    "error_rate": "错误率",
    "rejected": "拒绝",
    "shed": "限流",
    "history": "历史",
    "when": "时间",
    "what": "事件",
    "who": "操作者",
    "why": "详情",
    "promote": "全量上线",
    "abort": "中止",
    "rollback": "回滚到版本",
    "sure_promote": "门禁尚未给出结论，确定让此版本接管全部流量吗？",
    "sure_abort": "确定结束这次发布，并把全部流量交给稳定版本吗？",
    "sure_rollback": "确定把全部流量交给之前的版本吗？",
    "watched": "已观察",
    "of": "/",
    "share": "的用户",
    "waits_for": "等待",
    "workers": "个工作进程已更新",
    "no_server": "没有服务器使用这个存储",
    "latency_chart": "各版本 p95 延迟（毫秒）",
    "rate_chart": "各版本每秒请求数",
    "error_chart": "各版本错误率（%）",
    "log_in": "登录",
    "token": "控制令牌（服务器的 SEATRIAL_TOKEN）",
    "wrong_token": "令牌不正确。",
    "language": "语言",
    "stale": "服务器没有应答，显示的内容可能已过时。",
    "pass": "通过",
    "fail": "未通过",
    "inconclusive": "证据不足",
    "dry_run": "仅观察",
    "by_limit": "上限",
    "phase.staging": "预发布测试",
    "phase.staged": "预发布通过",
    "phase.rejected": "已拒绝",
    "phase.warming": "加载中",
    "phase.canary": "金丝雀",
    "phase.held": "等待人工决定",
    "phase.promoted": "已全量上线",
    "phase.aborted": "已中止",
    "latency": "延迟",
    "against_stable": "（相对稳定版本）",
    "open_end": "任意值",
    "about_needed": "大约还需要 {n} 个",
    "requests_seen": "{n} 个请求",
    "requests_per_s": "每秒 {n} 个请求",
    "newest_first": "最新的在前，时间为本机时间",
    "staging_tests": "预发布测试",
    "not_found": "这里什么也没有。",
    "not_read": "未读取",
    "blocked": "已停滞",
    "fact.release.started": "发布开始",
    "fact.staging.passed": "预发布通过",
    "fact.staging.failed": "预发布未通过",
    "fact.release.staged": "停在预发布",
    "fact.canary.warming": "工作进程加载版本",
    "fact.step.entered": "进入金丝雀阶段",
    "fact.evidence.recorded": "证据",
    "fact.step.extended": "延长观察",
    "fact.release.held": "等待人工决定",
    "fact.release.promoted": "全量上线",
    "fact.release.aborted": "中止",
    "fact.endpoint.rolled_back": "回滚",
}

_WORDS: Mapping[str, Mapping[str, str]] = {"en": _EN, "zh": _ZH}

_WAITING_ZH = {
    "the staging tests": "预发布测试完成",
    "every worker to load the version": "所有工作进程加载该版本",
    "evidence and the end of the watch": "足够的证据和观察期结束",
    "a person: `seatrial promote` or `seatrial rollback`": "人工决定（全量上线或中止）",
    "a server: none is running on this store, start one with `seatrial up`": (
        "服务器：请用 `seatrial up` 启动"
    ),
}


_REASONS_ZH = {
    "aborted by a person": "人工中止",
    "promoted by a person before the gates had decided": "在门禁给出结论之前由人工全量上线",
    "rolled back by a person": "人工回滚",
    "first version of the endpoint: there is no stable version to protect, "
    "so it gets all traffic once its staging tests have passed": (
        "端点的第一个版本：没有需要保护的稳定版本，预发布测试通过后即接管全部流量"
    ),
}


def words(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that is not known."""
    return _WORDS.get(language, _EN)


def choose(cookie: str | None, accepted: str) -> str:
    """The language for a request: as chosen before, else the first the browser asks for.

    Args:
        cookie: the language chosen before, or None.
        accepted: the header Accept-Language.
    """
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted.split(","):
        wanted = part.partition(";")[0].strip().lower().partition("-")[0]
        if wanted in LANGUAGES:
            return wanted
    return "en"


def waiting(language: str, text: str) -> str:
    """What is waited for, in a language."""
    return _WAITING_ZH.get(text, text) if language == "zh" else text


def reason_zh(text: str) -> str:
    """A reason that seatrial itself gives, in Chinese; any other as it is."""
    return _REASONS_ZH.get(text, text)
