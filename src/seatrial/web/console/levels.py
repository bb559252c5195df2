"""How a level of the service is said: its value with a unit, its sentence in a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIDES = {"ok": "未超过界限"}


def service_sentence(finding: Mapping[str, Any], name: str, language: str) -> str:
    """Why a level of the service stands as it does.

    Args: finding: as `ServiceFinding.as_dict` has it; ``name`` of its signal in the language.
    """
    if language != "zh":
        return str(finding["reason"])
    value, limit, unit = finding["value"], finding["limit"], finding["unit"]
    if value is None:
        return f"{name}：最近没有可评判的数据"
    said = f"{name} {quantity(value, unit)}"
    if finding["n"]:
        said += f"（{finding['n']:,} 个请求）"
    if limit is not None:
        said += f"，{_SIDES.get(finding['level'], '界限为')} {quantity(limit, unit)}"
    if finding["code"].endswith((".unproven", ".too_few_requests")):
        said += "，请求太少，尚不能下结论"
    if finding["crosses_in_s"] is not None:
        said += f"；按目前趋势约 {max(1, round(finding['crosses_in_s'] / 60))} 分钟后越过界限"
    return said


def quantity(value: float, unit: str) -> str:
    """A measured value with its unit, as people write it."""
    match unit:
        case "share":
            return f"{100 * value:.3g} %"
        case "per_s":
            return f"{value:.3g}/s"
        case "burn":
            return f"{value:.3g} ×"
        case _:
            return f"{value:.3g} {unit}".strip()
