"""A training with everything decided: what is run, on what, within which bounds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from seatrial.training.runs.failures import BadParameter
from seatrial.training.runs.run import DataFile
from seatrial.training.search.searcher import Plan

GIVEN = ("data", "out", "seed", "label", "model")
"""What may stand in braces in a command besides hyperparameters."""

_BRACES = re.compile(
    r"(?P<shell>\$\{)|\{\{(?P<meant>[A-Za-z_]\w*)\}\}|\{(?P<name>[A-Za-z_]\w*)\}", re.ASCII
)
_TRAINED_ON = ("data", "more_data", "warm_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training that can be run.

    Args:
        name: of what it makes; also of the bundle.
        function: ``FILE:FUNCTION`` with the file made absolute, or ``MODULE:FUNCTION``; None for a
            command.
        command: program and arguments, with braces as they were written.
        cwd: where it runs.
        python: interpreter; "" for this one.
        values: hyperparameters over the program's defaults.
        data, more_data, holdout, warm_start: files, absolute; as in `TrainingOrder`.
        label: column that is predicted, or None.
        seed: of everything that is drawn.
        time_s: how long it may take.
        memory_bytes: how much memory it may hold; 0 for as much as there is.
        threads: of numeric libraries, or None.
        search: what `search` tries, or None.
        trust: load the model whatever it imports.
    """

    name: str
    function: str | None
    command: tuple[str, ...]
    cwd: Path
    python: str
    values: Mapping[str, object]
    data: Path | None
    more_data: tuple[Path, ...]
    holdout: Path | None
    warm_start: Path | None
    label: str | None
    seed: int
    time_s: float
    memory_bytes: int
    threads: int | None
    search: Plan | None
    trust: bool

    @property
    def program(self) -> str:
        """What is run, as one line."""
        return self.function or " ".join(self.command)

    def files(self) -> list[tuple[str, Path]]:
        """Role and path of each file that it reads."""
        single = (
            ("data", self.data),
            *(("more_data", path) for path in self.more_data),
            ("warm_start", self.warm_start),
            ("holdout", self.holdout),
        )
        return [(role, path) for role, path in single if path is not None]


def data_digest(files: Iterable[DataFile]) -> str | None:
    """SHA-256 of what was trained on: of one file its own, of several that of their list."""
    found = [f for f in files if f.role in _TRAINED_ON]
    if not found:
        return None
    if len(found) == 1:
        return found[0].sha256
    return hashlib.sha256("\n".join(f"{f.role} {f.sha256}" for f in found).encode()).hexdigest()


def filled(command: Iterable[str], values: Mapping[str, object]) -> tuple[str, ...]:
    """A command with ``{name}`` replaced by values; ``{{name}}`` means braces, ``${name}`` too.

    Args: values: by name; what is None is not there.
    Raises: BadParameter: a name in braces has no value.
    """
    known = {name: value for name, value in values.items() if value is not None}
    return tuple(_BRACES.sub(partial(_replaced, known), part) for part in command)


def named(command: Iterable[str]) -> set[str]:
    """The names in braces."""
    return {one["name"] for part in command for one in _BRACES.finditer(part) if one["name"]}


def _replaced(known: Mapping[str, object], found: re.Match[str]) -> str:
    name = found["name"]
    if name is None:
        return found[0] if found["shell"] else f"{{{found['meant']}}}"
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise BadParameter(
            f"The command has {{{name}}}, and there is no {name!r}."
            + (f" Did you mean {near[0]!r}?" if near else ""),
            remedy=f"Give it with --set {name}=VALUE, or in the recipe; write {{{{{name}}}}} for "
            "the braces themselves.",
            parameter=name,
        )
    value = known[name]
    return str(value).lower() if isinstance(value, bool) else str(value)
