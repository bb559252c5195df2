"""What of a retraining is exported, and how its words become names and literals. Pure.

Nothing of a configuration gets into a program but as a literal that `literal` wrote; comments hold
names that are letters, digits, ``-`` and ``_`` alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from seatrial.kernel.errors import Invalid

MARK = "Written by `seatrial retrain export`"
"""Stands in the first line of each export."""

LOST = 2
"""So many attempts more than a step's policy has: for those whose process is lost."""

_OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)


class ExportInvalid(Invalid):
    """The retraining cannot be exported like this."""

    code = "retraining.export_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step, as a task.

    Args:
        name: of the step.
        retries: attempts after the first, as the step's policy has it.
        first_s, longest_s: the wait after the first failure, and the longest; it doubles.
        timeout_s: it may take so long; None for any time.
        waits: whether it waits for a person, or for days.
    """

    name: str
    retries: int
    first_s: float
    longest_s: float
    timeout_s: float | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A retraining to be exported.

    Args:
        name: of the retraining.
        tasks: in order, at least one.
        crons: of five fields; none where another keeps the calendar.
        zone: whose clocks they mean.
        folder: absolute, where ``seatrial.yaml`` lies on the machine that runs the tasks.
        options: of each command, such as ``--config``.
    Raises: ExportInvalid.
    """

    name: str
    tasks: Sequence[Task]
    crons: Sequence[str] = ()
    zone: str = "UTC"
    folder: str
    options: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise _bad(f"{self.name!r} names the retraining", "Use letters, digits, '-' and '_'.")
        check_folder(self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What pods of a Kubeflow pipeline are made of.

    Args:
        image: holds seatrial and what the training imports.
        claim: the persistent volume claim that is mounted as the folder; "" for none.
        secret: the secret whose key ``store`` is the URL of the store; "" for none.
    Raises: ExportInvalid.
    """

    image: str
    claim: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise _bad(f"The image is {self.image[:80]!r}", "Give one such as registry/name:tag.")
        for what, name in (("claim", self.claim), ("secret", self.secret)):
            if name and not _OBJECT.fullmatch(name):
                raise _bad(
                    f"The {what} is {name[:80]!r}",
                    "Use lower-case letters, digits, '-' and '.', as Kubernetes does.",
                )


def check_folder(folder: str) -> None:
    """Refuse a folder that is not named from the root.   Raises: ExportInvalid."""
    if not PurePosixPath(folder).is_absolute() or "\0" in folder:
        raise _bad(f"The folder is {folder[:80]!r}", "Give it from the root, with --folder.")


def kubernetes_name(name: str) -> str:
    """The name as a name of Kubernetes: lower case and hyphens, and no other's.

    A name that had to be changed gets a piece of its digest, so that ``a_b`` and ``a-b`` differ.
    """
    plain = name.lower().replace("_", "-").strip("-")
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def literal(value: object) -> str:
    """A text, number or sequence of texts as a Python literal, in ASCII.

    A text is never more than one string: quotes, backslashes and line ends are escaped.
    """
    match value:
        case str():
            return _quoted(value)
        case bool() | None:
            return repr(value)
        case int() | float():
            return f"{value:g}" if value == round(value, 6) and abs(value) < 1e6 else repr(value)
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
    raise TypeError(f"no literal of {type(value).__name__}")


def _quoted(text: str) -> str:
    """In double quotes, as a formatter of code leaves it."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return "'" if character == "'" else ascii(character)[1:-1]


def _bad(problem: str, remedy: str) -> ExportInvalid:
    return ExportInvalid(f"{problem}.", remedy=remedy, field="export")
