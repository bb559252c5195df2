"""What a staging report says, in the languages of its readers: names, figures, sentences.

Tests tell what they saw in English, and the record keeps that. What they say of a server that is
right is said again in Chinese; of one that is wrong, the words of the test stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Staging of {endpoint}, version {version}",
        "passed": "passed",
        "failed": "failed",
        "bundle": "Bundle",
        "tests": "Tests",
        "version": "The version",
        "measured": "Measured",
        "pass": "pass",
        "fail": "FAIL",
        "back": "Back to the console",
        "colon": ": ",
        "tests_passed": "{n} tests passed",
        "one_test_passed": "1 test passed",
        "test_failed": "{name} failed: {detail}",
        "and_more": " (and {n} more)",
        "no_test": "no test ran",
        "no_load": "no load was measured",
        "load": "p95 {p95} ms, {n_failed} errors in {n} requests, {rate} a second",
        "golden": "{n} golden examples for {cost} USD, p95 {p95} ms",
        "semicolon": "; ",
    },
    "zh": {
        "title": "{endpoint} 版本 {version} 的预发布测试",
        "passed": "通过",
        "failed": "未通过",
        "bundle": "模型包",
        "tests": "测试",
        "version": "该版本",
        "measured": "实测数据",
        "pass": "通过",
        "fail": "未通过",
        "back": "返回控制台",
        "colon": "：",
        "tests_passed": "{n} 项测试全部通过",
        "one_test_passed": "1 项测试通过",
        "test_failed": "{name}未通过：{detail}",
        "and_more": "（另有 {n} 项未通过）",
        "no_test": "没有执行任何测试",
        "no_load": "没有负载测试的数据",
        "golden": "{n} 个标准样例共花费 {cost} 美元，p95 {p95} ms",
        "load": "p95 {p95} ms，{n} 个请求中 {n_failed} 个错误，每秒 {rate} 个请求",
        "semicolon": "；",
    },
}

_TESTS_ZH: Mapping[str, str] = {
    "start": "启动",
    "health": "健康检查",
    "metadata": "元数据",
    "golden parity": "标准样例核对",
    "bad input": "错误输入",
    "concurrency": "并发",
    "sustained load": "持续负载",
    "memory": "内存",
    "answers": "标准样例",
    "parse rate": "解析率",
    "score": "评分",
    "gates": "门禁",
}

_SAID_ZH: tuple[tuple[str, str], ...] = (
    (r"/readyz answers 200", "/readyz 返回 200"),
    (r"(\d+) addresses answer 200", "{0} 个地址都返回 200"),
    (r"(\d+) inputs? and (\d+) outputs? as in the signature", "{0} 个输入、{1} 个输出，与签名一致"),
    (
        r"(\d+) rows as v2 JSON, v2 binary tensors equal the original model's answers; "
        r"largest difference (\S+)",
        "{0} 行分别以 v2 JSON 和 v2 二进制张量发送，结果都与原模型一致；最大差异 {1}",
    ),
    (r"(\d+) kinds of bad input were refused .*", "{0} 种错误输入都被拒绝，返回 4xx 并说明原因"),
    (
        r"(\d+) clients at once, (\d+) requests each: .*",
        "{0} 个客户端同时各发 {1} 个请求：得到的都是自己那一行的结果",
    ),
    (
        r"([\d,]+) requests in (\S+) s over (\d+) connections, no error, p95 (\S+) ms",
        "{2} 个连接，{1} 秒内 {0} 个请求，没有错误，p95 {3} ms",
    ),
    (r"(\d+) golden examples were answered", "{0} 个标准样例都得到了回答"),
    (r"(\d+) of (\d+) answers parsed", "{1} 个回答中 {0} 个解析成功"),
    (
        r"mean score (\S+) of (\d+), at least (\S+) is needed",
        "{1} 个评分的平均值为 {0}，至少需要 {2}",
    ),
    (r"(\d+) examples cost (\S+) USD", "{0} 个样例共花费 {1} 美元"),
    (r"(\d+) MB after the load, (\d+) MB half-way", "负载结束后 {0} MB，中途 {1} MB"),
)


def _milliseconds(value: float) -> str:
    return f"{value:,.2g} ms" if value < 10 else f"{value:,.0f} ms"


def _seconds(value: float) -> str:
    return _milliseconds(1e3 * value) if value < 1 else f"{value:,.1f} s"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _usd(value: float) -> str:
    return f"{value:,.6f} USD"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _score(value: float) -> str:
    return f"{value:.3g}"


_FIGURES: Mapping[str, tuple[str, str, Callable[[float], str]]] = {
    "cold_start_s": ("from process start to ready", "从进程启动到就绪", _seconds),
    "n": ("requests under load", "负载中的请求数", _count),
    "n_failed": ("of these failed", "其中失败", _count),
    "requests_per_s": ("requests per second", "每秒请求数", _count),
    "p50_ms": ("latency p50", "p50 延迟", _milliseconds),
    "p95_ms": ("latency p95", "p95 延迟", _milliseconds),
    "p99_ms": ("latency p99", "p99 延迟", _milliseconds),
    "alone_n": ("requests one at a time", "逐个发送的请求数", _count),
    "alone_sd_ms": ("standard deviation of their latency", "其延迟的标准差", _milliseconds),
    "alone_p96_ms": ("their p96", "其 p96 延迟", _milliseconds),
    "alone_p97_ms": ("their p97", "其 p97 延迟", _milliseconds),
    "alone_p98_ms": ("their p98", "其 p98 延迟", _milliseconds),
    "alone_p99_ms": ("their p99", "其 p99 延迟", _milliseconds),
    "cpu_s_per_request": ("processor time per request", "每个请求占用的处理器时间", _seconds),
    "rss_idle_bytes": ("memory before the load", "负载开始前的内存", _megabytes),
    "rss_warm_bytes": ("memory half-way through it", "负载中途的内存", _megabytes),
    "rss_bytes": ("memory after it", "负载结束后的内存", _megabytes),
    "cost_usd": ("cost of all examples", "全部样例的费用", _usd),
    "parse_rate": ("answers that parsed", "解析成功的回答", _percent),
    "score": ("mean score", "平均评分", _score),
}
"""By name in the record, in the order of reading: what it is in each language, how it is shown."""


def words(language: str) -> Mapping[str, str]:
    """The words of a report in a language.   Args: language: ``en`` or ``zh``."""
    return _WORDS[language]


def name_of_test(name: str, language: str) -> str:
    """The name of a test in a language."""
    return _TESTS_ZH.get(name, name) if language == "zh" else name


def seen(detail: str, language: str) -> str:
    """What a test saw in a language; a sentence that is not known stays as it is."""
    if language == "zh":
        for pattern, said in _SAID_ZH:
            if found := re.fullmatch(pattern, detail):
                return said.format(*found.groups())
    return detail


def took(seconds: float, language: str) -> str:
    """How long a test took."""
    return _in(_seconds(seconds), language)


def figures(measured: Mapping[str, float], language: str) -> list[tuple[str, str]]:
    """Name and value of everything measured, for people; unknown names come last, as they are."""
    known = [
        (zh if language == "zh" else en, _in(show(measured[name]), language))
        for name, (en, zh, show) in _FIGURES.items()
        if name in measured
    ]
    return known + [(k, f"{v:,.4g}") for k, v in measured.items() if k not in _FIGURES]


def _in(figure: str, language: str) -> str:
    """A figure in a language: seconds are a word in Chinese, other units are not."""
    return re.sub(r" s$", " 秒", figure) if language == "zh" else figure
