"""Labelled sentences and question sets, as folders hold them.

A set of labelled sentences is a folder with ``pairs.jsonl.gz``: rows of ``id``, ``context`` (a
list of sentences), ``claim``, ``label`` (1: supported) and, where known, ``support`` (lists of
indices of the context that support it together). A question set has ``corpus.jsonl.gz`` (``id``,
``title``,
``text``), ``queries.jsonl`` (``id``, ``text``, ``answers``, ``answerable``) and ``qrels.tsv``.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled sentence; `support` holds the indices of all context sentences that do."""

    context: tuple[str, ...]
    claim: str
    label: int
    support: frozenset[int]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a set, and the documents that answer it."""

    id: str
    text: str
    answers: tuple[str, ...]
    answerable: bool
    relevant: frozenset[str]


def pairs(folder: Path) -> list[Pair]:
    """Of a set of labelled sentences."""
    return [
        Pair(
            tuple(row["context"]),
            row["claim"],
            int(row["label"]),
            frozenset(i for group in row.get("support") or () for i in group),
        )
        for row in _rows(folder / "pairs.jsonl.gz")
    ]


def corpus(folder: Path) -> dict[str, tuple[str, str]]:
    """Title and text of each document, by its id."""
    rows = _rows(folder / "corpus.jsonl.gz")
    return {str(row["id"]): (row.get("title") or "", row["text"]) for row in rows}


def questions(folder: Path) -> list[Question]:
    """Of a question set."""
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines():
        query, document, grade = line.split("\t")
        if grade.isdecimal() and int(grade) > 0:
            relevant.setdefault(query, set()).add(document)
    return [
        Question(
            str(row["id"]),
            row["text"],
            tuple(row.get("answers") or ()),
            bool(row.get("answerable", True)),
            frozenset(relevant.get(str(row["id"]), ())),
        )
        for row in _rows(folder / "queries.jsonl")
    ]


def _rows(file: Path) -> list[dict[str, Any]]:
    read = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [json.loads(line) for line in read.splitlines() if line.strip()]
