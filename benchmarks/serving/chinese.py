"""The Chinese of the table on the Chinese front page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TERMS: Mapping[str, str] = {
    " rows": " 行",
    " row": " 行",
    "native forest": "原生森林模型",
    "binary": "二进制",
    "json": "JSON",
    "floor (bare ASGI on uvicorn, ONNX)": "参照（uvicorn 上的裸 ASGI，ONNX）",
    "custom runtime": "自定义运行时",
    "Python backend": "Python 后端",
}
_MACHINE = (
    (r"(\d+) cores of ([^,]+)", r"\1 核 \2"),
    (r"(\d+) GB of memory", r"\1 GB 内存"),
)


def term(text: str) -> str:
    """A server's title or a load's short name."""
    for english, chinese in _TERMS.items():
        text = text.replace(english, chinese)
    text = re.sub(r"\bc(\d+)$", r"并发 \1", text)
    text = re.sub(r"(?<!\d), ", "，", text)
    return text.replace(" (", "（").replace("(", "（").replace(")", "）")


def machine(description: str) -> str:
    """A machine, from its English description."""
    for english, chinese in _MACHINE:
        description = re.sub(english, chinese, description)
    return description.replace(", ", "、")
