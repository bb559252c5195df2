"""A chunker's name, which tells one from all others, in words for people."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(
    r"(?P<kind>\w+) (?P<length>\d+)\+(?P<overlap>\d+)(?: in (?P<parent>\d+))? "
    r"(?P<unit>characters|tokenizer/\S+)(?: by (?P<by>.+))?"
)
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "list": ", ",
        "all": "{kind} ({settings})",
        "tokens": "{n} tokens",
        "characters": "{n} characters",
        "overlap": "overlap {n}",
        "parent": "parent {n}",
    },
    "zh": {
        "list": "，",
        "all": "{kind}（{settings}）",
        "tokens": "{n} token",
        "characters": "{n} 字符",
        "overlap": "重叠 {n}",
        "parent": "父段 {n}",
    },
}


def chunker_spoken(name: str, language: str = "en") -> str:
    """What a chunker does, in the words of its settings: ``fixed (200 tokens, overlap 20)``.

    Args:
        name: of a `Chunker`; another text comes back as it is.
        language: ``en`` or ``zh``.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    w = _WORDS[language]
    unit = "characters" if found["unit"] == "characters" else "tokens"
    parts = [w[unit].format(n=found["length"])]
    if int(found["overlap"]):
        parts.append(w["overlap"].format(n=found["overlap"]))
    if found["parent"]:
        parts.append(w["parent"].format(n=found["parent"]))
    if found["by"]:
        parts.append(found["by"])
    return w["all"].format(kind=found["kind"], settings=w["list"].join(parts))
