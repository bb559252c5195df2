"""Which format a file is read as, by the ending of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_SUFFIXES: Mapping[str, str] = {
    "text": ".txt .text .log .rst .adoc .org .tex .srt .vtt",
    "markdown": ".md .markdown .mdown .mkd .mdx .qmd",
    "html": ".html .htm .xhtml",
    "pdf": ".pdf",
    "docx": ".docx .docm .dotx",
    "pptx": ".pptx .pptm .ppsx",
    "xlsx": ".xlsx .xlsm .xltx",
    "csv": ".csv .tsv .tab",
    "json": ".json",
    "jsonl": ".jsonl .ndjson",
    "email": ".eml",
    "mbox": ".mbox",
}
_LANGUAGES: Mapping[str, str] = {
    "python": ".py .pyi",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts .tsx",
    "java": ".java",
    "kotlin": ".kt .kts",
    "scala": ".scala",
    "c": ".c .h",
    "c++": ".cc .cpp .cxx .hh .hpp .hxx",
    "c#": ".cs",
    "go": ".go",
    "rust": ".rs",
    "ruby": ".rb",
    "php": ".php",
    "swift": ".swift",
    "r": ".r",
    "julia": ".jl",
    "lua": ".lua",
    "perl": ".pl .pm",
    "shell": ".sh .bash .zsh",
    "powershell": ".ps1",
    "sql": ".sql",
    "css": ".css .scss .less",
    "yaml": ".yaml .yml",
    "toml": ".toml",
    "ini": ".ini .cfg .conf .properties",
    "xml": ".xml .xsd .xsl",
    "protobuf": ".proto",
    "graphql": ".graphql",
    "terraform": ".tf",
    "haskell": ".hs",
    "clojure": ".clj",
    "elixir": ".ex .exs",
    "dart": ".dart",
    "vue": ".vue",
}
_CODE_NAMES = {"makefile": "make", "dockerfile": "docker", "jenkinsfile": "groovy"}

FORMATS = frozenset(_SUFFIXES) | {"code"}
"""The formats that can be named in a configuration."""

RECORDS: Mapping[str, str] = {"csv": "csv_records", "json": "json_records"}
"""What a format becomes where each of its records is a document."""

PACKABLE = frozenset({"text", "markdown", "html", "csv", "json", "jsonl", "code", "email", "mbox"})
"""Formats that are read out of ``.gz``."""

_CODE = {end: name for name, ends in _LANGUAGES.items() for end in ends.split()}
_BY_SUFFIX = dict.fromkeys(_CODE, "code") | {
    end: name for name, ends in _SUFFIXES.items() for end in ends.split()
}
_INSTEAD = {
    ".doc": ".docx",
    ".ppt": ".pptx",
    ".xls": ".xlsx",
    ".odt": ".docx",
    ".odp": ".pptx",
    ".ods": ".xlsx",
    ".rtf": ".docx",
    ".pages": ".docx",
    ".epub": ".html",
    ".msg": ".eml",
}


class Format(NamedTuple):
    """How a file is read: the loader's name, and whether it must be unpacked first."""

    name: str
    packed: bool = False


def format_of(name: str, more: Mapping[str, str], forced: str | None = None) -> Format | None:
    """The format of a file by its name, None where it is not known.

    A name without an ending is text, unless it is the name of a build file.

    Args:
        more: formats by ending, which go over the usual ones.
        forced: the format, whatever the name says; ``.gz`` still counts.
    """
    bare = name.lower()
    packed = bare.endswith(".gz")
    if packed:
        bare = bare.removesuffix(".gz")
    suffix = _suffix(bare)
    found = forced or more.get(suffix) or _usual(bare, suffix)
    if found is None or (packed and found not in PACKABLE):
        return None
    return Format(found, packed)


def telling_ending(path: str) -> str | None:
    """The ending of a file's name, where that alone tells the format; None where more of it does,
    as of ``.gz`` and of names without one.

    Args: path: with ``/``, or the name alone.
    """
    stem, _, ending = path.rpartition(".")
    if not stem or stem[-1] == "/" or not ending or "/" in ending or ending.lower() == "gz":
        return None
    return ending


def programming_language(name: str) -> str | None:
    """The programming language of a file by its name."""
    bare = name.lower().removesuffix(".gz")
    return _CODE_NAMES.get(bare) or _CODE.get(_suffix(bare))


def instead_of(name: str) -> str:
    """What to do about a file whose format is not known."""
    better = _INSTEAD.get(_suffix(name.lower()))
    if better:
        return f"Save it as {better}, or leave it out with exclude."
    return "Name its format under formats if it is text, or leave it out with exclude."


def _usual(bare: str, suffix: str) -> str | None:
    if bare in _CODE_NAMES:
        return "code"
    return _BY_SUFFIX.get(suffix) if suffix else "text"


def _suffix(bare: str) -> str:
    stem, dot, end = bare.rpartition(".")
    return dot + end if stem and end else ""
