"""Reasons that seatrial itself gives in English, and what releases wait for, in Chinese."""

_WAITING_ZH = {
    "the staging tests": "预发布测试完成",
    "every worker to load the version": "所有工作进程加载该版本",
    "its evaluation against the version in production": "与生产版本对比评估",
    "evidence and the end of the watch": "足够的证据和观察期结束",
    "a person: `seatrial promote` or `seatrial rollback`": "人工决定：全量上线或中止",
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


def waiting(language: str, text: str) -> str:
    """What is waited for, in a language."""
    return _WAITING_ZH.get(text, text) if language == "zh" else text


def reason_zh(text: str) -> str:
    """A reason that seatrial itself gives, in Chinese; any other as it is."""
    return _REASONS_ZH.get(text, text)
