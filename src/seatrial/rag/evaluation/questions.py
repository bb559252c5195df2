"""Question sets: what is asked, which documents answer it, and what the answer is.

Read from a folder (``queries.jsonl`` with ``qrels.tsv``, as the sets of BEIR have it) or from one
file (``.jsonl``, or ``.json``, ``.yaml`` with a list under ``questions``) of records like

    {"question": "Who built it?", "documents": ["history.md"], "answers": ["The yard"]}

where `documents` may also give grades (``{"history.md": 2}``), and ``"answerable": false`` marks a
question that the corpus does not answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import Invalid, NotFound

_KEYS = {"id", "question", "text", "documents", "answers", "answerable"}
_MAX_BYTES = 256 * 1024 * 1024


class QuestionsMissing(NotFound):
    """There is no set of questions at the place that was named."""

    code = "rag.questions_missing"


class QuestionsInvalid(Invalid):
    """A set of questions cannot be read."""

    code = "rag.questions_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, with what is known about its answer.

    Args:
        id: unique in its set.
        relevant: grade > 0 of each document that answers it, by document id; empty where nobody
            judged.
        answers: texts that count as the answer; empty where nobody wrote any.
        answerable: whether the corpus answers it.
    """

    id: str
    text: str
    relevant: Mapping[str, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    answerable: bool = True


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of a folder or a file.

    Raises: QuestionsMissing; QuestionsInvalid, with the line or place of what is wrong.
    """
    if path.is_dir():
        queries = path / "queries.jsonl"
        grades = _grades(path / "qrels.tsv")
        records = [
            (where, {**record, "documents": grades.pop(str(record.get("id")), {})})
            for where, record in _lines(queries)
        ]
        if grades:
            raise _wrong("qrels.tsv", f"{next(iter(grades))!r} is no id of {queries.name}")
    elif path.suffix == ".jsonl":
        records = list(_lines(path))
    else:
        records = list(_listed(path))
    if not records:
        raise _wrong(path.name, "it holds no question")
    return tuple(_unique(_question(record, where, n) for n, (where, record) in enumerate(records)))


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(_read(path).splitlines(), start=1):
        if line.strip():
            where = f"{path.name} line {number}"
            try:
                yield where, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _wrong(where, f"it is no JSON: {error}") from error


def _listed(path: Path) -> Iterator[tuple[str, Any]]:
    text = _read(path)
    if path.suffix == ".json":
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong(path.name, f"it is no JSON: {error}") from error
    else:
        from seatrial.kernel.config_file import parse  # noqa: PLC0415

        whole = parse(text.encode(), path.name)
    listed = whole.get("questions") if isinstance(whole, dict) else whole
    if not isinstance(listed, list):
        raise _wrong(path.name, "there is no list under `questions`")
    for number, record in enumerate(listed):
        yield f"{path.name} questions[{number}]", record


def _grades(path: Path) -> dict[str, dict[str, float]]:
    grades: dict[str, dict[str, float]] = {}
    for number, line in enumerate(_read(path).splitlines(), start=1):
        parts = line.split("\t")
        if not line.strip() or (number == 1 and parts[-1].strip() == "score"):
            continue
        where = f"{path.name} line {number}"
        if len(parts) != 3:
            raise _wrong(where, "it is not a question, a document and a grade between tabs")
        grades.setdefault(parts[0], {})[parts[1]] = _grade(parts[2], where)
    return grades


def _question(record: Any, where: str, number: int) -> Question:
    if not isinstance(record, dict):
        raise _wrong(where, f"{record!r} is no record")
    if unknown := sorted(set(record) - _KEYS):
        raise _wrong(where, f"{unknown[0]!r} is none of {', '.join(sorted(_KEYS))}")
    text = record.get("question", record.get("text"))
    if not isinstance(text, str) or not text.strip():
        raise _wrong(where, f"its question is {text!r}")
    answers, answerable = record.get("answers", []), record.get("answerable", True)
    if isinstance(answers, str):
        answers = [answers]
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        raise _wrong(where, f"answers {answers!r} are no list of texts")
    if not isinstance(answerable, bool):
        raise _wrong(where, f"answerable is {answerable!r}, neither true nor false")
    question = Question(
        id=str(record.get("id", number + 1)),
        text=text,
        relevant=_relevant(record.get("documents", {}), where),
        answers=tuple(answers),
        answerable=answerable,
    )
    try:
        "".join((question.id, text, *question.relevant, *answers)).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise _wrong(where, f"it holds half a character (U+{half:04X})") from error
    return question


def _relevant(documents: object, where: str) -> dict[str, float]:
    if isinstance(documents, str):
        documents = [documents]
    if isinstance(documents, list):
        documents = {str(name): 1 for name in documents}
    if not isinstance(documents, dict):
        raise _wrong(where, f"documents {documents!r} are neither a list nor grades by id")
    graded = {str(name): _grade(grade, where) for name, grade in documents.items()}
    return {name: grade for name, grade in graded.items() if grade > 0}


def _grade(written: object, where: str) -> float:
    try:
        grade = float(written)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        grade = math.nan
    if not 0 <= grade < math.inf:
        raise _wrong(where, f"{written!r} is no grade of 0 or more")
    return grade


def _unique(questions: Iterable[Question]) -> Sequence[Question]:
    found: dict[str, Question] = {}
    for question in questions:
        if question.id in found:
            raise _wrong(question.id, "two questions have this id")
        found[question.id] = question
    return list(found.values())


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)  # a device or a pipe does not say how much it has
        if len(content) > _MAX_BYTES:
            raise _wrong(path.name, f"it is larger than {_MAX_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise QuestionsMissing(
            f"The questions {str(path)!r} cannot be read: {error.strerror}.",
            remedy="Name a file of questions, or a folder with queries.jsonl and qrels.tsv.",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise _wrong(path.name, f"it is not UTF-8 text: byte {error.start} is wrong") from error


def _wrong(where: str, what: str) -> QuestionsInvalid:
    return QuestionsInvalid(
        f"The questions at {where} cannot be read: {what}.",
        remedy='Write each as {"question": ..., "documents": [...], "answers": [...]}.',
        where=where,
    )
