"""What a version is, beside what its staging tests saw: engine, export, golden rows, signature,
size. Collected once when it is tested, and said in the languages of its readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.packaging.sizing import Resources
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing import SignatureUnreadable, named_key
from seatrial.registry.signing_file import read_signature, signature_path
from seatrial.serving.engine import EnginePlan

_KEY = 12
"""Characters of a key's fingerprint that people compare."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "framework": "made with",
        "engine": "answered by",
        "onnx": "ONNX Runtime, in the server",
        "native": "its own library, in a process of its own",
        "both": "ONNX Runtime and its own library, by the number of rows",
        "remote": "the engine {name}, a server elsewhere",
        "parity": "export against the original",
        "same": "the same answers in {n} rows, largest difference {largest}{labels}",
        "labels": ", another label in {n}",
        "not_same": "not used: {reason}",
        "not_exported": "there is none: the model answers as it was given",
        "golden": "golden rows",
        "golden_rows": "{n}, with the answers of the original model",
        "signature": "signature",
        "signed": "names the key {key}; it is checked when a server loads the version",
        "unsigned": "none when it was tested",
        "unreadable": "its file cannot be read",
        "size": "a replica asks for",
        "resources": "{cpu} m CPU and {memory:,} MiB of memory",
    },
    "zh": {
        "framework": "训练库",
        "engine": "由谁应答",
        "onnx": "ONNX Runtime，在服务器内",
        "native": "模型自己的库，在单独的进程中",
        "both": "按行数选用 ONNX Runtime 或模型自己的库",
        "remote": "引擎 {name}，在另一台服务器上",
        "parity": "导出与原模型对比",
        "same": "{n} 行的结果相同，最大差异 {largest}{labels}",
        "labels": "，其中 {n} 行的标签不同",
        "not_same": "未采用（原文：{reason}）",
        "not_exported": "没有导出：按给出的模型应答",
        "golden": "标准样例",
        "golden_rows": "{n} 行，附原模型的结果",
        "signature": "签名",
        "signed": "注明密钥 {key}，服务器加载该版本时验证",
        "unsigned": "测试时没有签名",
        "unreadable": "签名文件无法读取",
        "size": "每个副本申请",
        "resources": "{cpu} m CPU 和 {memory:,} MiB 内存",
    },
}


def about(bundle: Bundle, needs: Resources | None) -> dict[str, Any]:
    """What is known of a verified bundle, JSON-able.

    Args: needs: what a replica asks for; None where nothing was measured.
    Raises: BundleTampered, GoldenUnreadable.
    """
    manifest = bundle.manifest
    plan = EnginePlan.from_dict(manifest.plan)
    golden = bundle.golden()
    return {
        "framework": f"{manifest.framework.name} {manifest.framework.version}",
        "engine": plan.runs_in,
        "remote": plan.remote,
        "parity": _parity(manifest.parity),
        "golden_rows": len(next(iter(golden.outputs.values()))),
        "signature": _signature(bundle),
        "resources": needs and {"cpu_m": needs.cpu_m, "memory_mib": needs.memory_mib},
    }


def said(known: Mapping[str, Any], language: str) -> Iterator[tuple[str, str]]:
    """The same for people, as names and values; nothing where nothing is known."""
    if not known:
        return
    w = _WORDS[language]
    yield w["framework"], known["framework"]
    yield w["engine"], w[known["engine"]].format(name=known["remote"])
    yield w["parity"], _parity_said(known["parity"], w)
    yield w["golden"], w["golden_rows"].format(n=known["golden_rows"])
    signature = known["signature"]
    yield w["signature"], w[signature["state"]].format(key=signature["key"][:_KEY])
    if needs := known["resources"]:
        said_of = w["resources"].format(cpu=needs["cpu_m"], memory=needs["memory_mib"])
        yield w["size"], said_of


def _parity(parity: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if parity is None:
        return None
    rows = parity["differences"]
    largest = [row["largest"] for row in rows]
    return {
        "passed": parity["passed"],
        "reason": parity["reason"],
        "n_rows": sum(row["n"] for row in rows),
        "n_labels": sum(row["n_labels"] for row in rows),
        "largest": None if None in largest else max(largest, default=0.0),
    }


def _parity_said(parity: Mapping[str, Any] | None, w: Mapping[str, str]) -> str:
    if parity is None:
        return w["not_exported"]
    if not parity["passed"]:
        return w["not_same"].format(reason=parity["reason"])
    labels = w["labels"].format(n=parity["n_labels"]) if parity["n_labels"] else ""
    largest = "∞" if parity["largest"] is None else f"{parity['largest']:.2g}"
    return w["same"].format(n=f"{parity['n_rows']:,}", largest=largest, labels=labels)


def _signature(bundle: Bundle) -> dict[str, str]:
    """Whose signature lies beside it, as that says itself: staging trusts nobody's."""
    try:
        raw = read_signature(signature_path(bundle.path))
        key = None if raw is None else named_key(raw)
    except SignatureUnreadable:
        return {"state": "unreadable", "key": ""}
    return {"state": "unsigned", "key": ""} if key is None else {"state": "signed", "key": key}
