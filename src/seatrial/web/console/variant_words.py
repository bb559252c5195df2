"""The words of the section on versions side by side, in the languages of the console."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "variants": "Versions side by side",
    "variants.span": "What they did at the same times,",
    "variants.interval": (
        "Under each figure where the truth lies, {share} % sure however often one looks."
    ),
    "variants.difference": "to production",
    "variants.stable": "in production",
    "variants.same": "within chance",
    "variants.worse": "worse",
    "variants.better": "better",
}

ZH: Mapping[str, str] = {
    "variants": "版本对比",
    "variants.span": "各版本在相同时段内的表现，",
    "variants.interval": "每个数值下方是真实值所在的区间，无论查看多少次，把握均为 {share}%。",
    "variants.difference": "与线上版本之差",
    "variants.stable": "线上版本",
    "variants.same": "在随机波动之内",
    "variants.worse": "更差",
    "variants.better": "更好",
}
