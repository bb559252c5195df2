"""The model card of a version: its files, and an evaluation that was made before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.registry.incoming import writing
from seatrial.training.evaluation.record import SCHEMA
from seatrial.wiring.evaluation.cards import MARKDOWN, PAGES, RECORD
from seatrial.wiring.evaluation.evaluating import Evaluated
from seatrial.wiring.evaluation.rows import digest

_KEPT = ("outcome", "reason", "primary", "margin", "metrics", "data", "made_at")


class EvaluationUnreadable(Invalid):
    """A folder holds no evaluation that this version of seatrial can read."""

    code = "registry.evaluation_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an evaluation came to.

    Args:
        outcome: a value of `training.evaluation.decision.Outcome`.
        reason: why, in English.
        record: the whole of it.
    """

    outcome: str
    reason: str
    record: Mapping[str, Any]

    def brief(self) -> dict[str, Any]:
        """What a fact holds of it; the whole is in the files."""
        return {name: self.record[name] for name in _KEPT if name in self.record}


def write_evaluation(folder: Path, evaluated: Evaluated) -> Verdict:
    """Keep an evaluation as a record, as Markdown and as a page in each language.

    Raises: BundleDiskFull, BundleNotWritten.
    """
    record = evaluated.as_dict()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record, ensure_ascii=False, indent=2)
        (folder / MARKDOWN).write_text(evaluated.markdown(), encoding="utf-8")
        for language, name in PAGES.items():
            (folder / name).write_text(evaluated.page(language), encoding="utf-8")
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return _verdict(record)


def read_evaluation(folder: Path) -> Verdict:
    """What `write_evaluation` kept.   Raises: EvaluationUnreadable."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise ValueError(f"its schema is {record['schema']!r}")
        return _verdict(record)
    except (OSError, ValueError, LookupError, TypeError) as problem:
        raise EvaluationUnreadable(
            f"{str(folder)!r} holds no evaluation that can be read: {problem}.",
            remedy="Give the folder that write_evaluation wrote.",
            folder=str(folder),
        ) from problem


def still_holds(verdict: Verdict, *, baseline: str, holdout: Path) -> bool:
    """Whether an evaluation was made against this bundle, on these rows.

    Args: baseline: digest of the bundle in production.
    """
    versions, data = verdict.record.get("versions"), verdict.record.get("data")
    if not isinstance(versions, Mapping) or not isinstance(data, Mapping):
        return False
    against = versions.get("baseline")
    held = isinstance(against, Mapping) and against.get("digest") == baseline
    return held and data.get("digest") == digest(holdout)


def copy_card(source: Path, folder: Path) -> None:
    """Copy the files of an evaluation.   Raises: BundleDiskFull, BundleNotWritten."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MARKDOWN, *PAGES.values(), RECORD):
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)


def _verdict(record: Mapping[str, Any]) -> Verdict:
    return Verdict(outcome=record["outcome"], reason=record["reason"]["en"], record=record)
