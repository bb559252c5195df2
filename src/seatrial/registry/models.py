"""The port of a model registry: where trained models are registered, ours or somebody else's.

A registry knows versions of models by number, what aliases point at, and the files of a version. It
is asked, never trusted to call: what it announces by itself is a reason to ask, and nothing more.
`seatrial.testing.ModelRegistrySuite` defines what the port means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seatrial.kernel.errors import Invalid, NotFound, Unavailable


class RegistryUnavailable(Unavailable):
    """The registry does not answer, or not in its own terms."""

    code = "registry.unavailable"


class RegisteredVersionUnknown(NotFound):
    """The registry has no version of that number, or no file of it."""

    code = "registry.version_unknown"


class RegistryRefused(Invalid):
    """The registry does not take what it is told: a tag, an alias, a name."""

    code = "registry.refused"


class ArtefactUnusable(Invalid):
    """The registered files hold no model that can be packaged."""

    code = "registry.artefact_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A version as the registry has it.

    Args:
        model: its name there.
        number: >= 1, growing with registration; gaps are those that were deleted.
        tags: by name.
        description: free text.
        run: id of the run that made it, or "".
    """

    model: str
    number: int
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A version's model, on this machine.

    Args:
        file: a model file, or the archive of a bundle.
        label: the column that is predicted, or None where the registry does not know.
        data: sample of the training data, or None.
        holdout: labelled rows that it was not trained on, or None.
        evaluation: folder of an evaluation that was made already, or None.
    """

    file: Path
    label: str | None = None
    data: Path | None = None
    holdout: Path | None = None
    evaluation: Path | None = None


class ModelRegistry(Protocol):
    """A registry. All calls block and are thread-safe; a model nobody registered has no versions.

    Every method raises RegistryUnavailable where the registry does not answer.
    """

    def versions(self, model: str, *, after: int = 0) -> list[RegisteredVersion]:
        """The versions with ``number > after`` whose files are there, by number."""
        ...

    def aliases(self, model: str) -> Mapping[str, int]:
        """The number each alias of a model points at."""
        ...

    def fetch(self, model: str, number: int, folder: Path) -> Fetched:
        """The model of a version; what has to be copied is put into ``folder``, which exists.

        Raises: RegisteredVersionUnknown, ArtefactUnusable.
        """
        ...

    def mark(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version; others stay. A value may hold 5,000 characters; more is cut.

        Raises: RegisteredVersionUnknown, RegistryRefused.
        """
        ...

    def move_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias point at a version.   Raises: RegisteredVersionUnknown, RegistryRefused."""
        ...


MAX_TAG = 5_000
"""Characters of a tag's value: MLflow's bound."""


def cut_tag(value: str) -> str:
    """A value that fits."""
    return value if len(value) <= MAX_TAG else value[: MAX_TAG - 1] + "…"


def version_unknown(model: str, number: int) -> RegisteredVersionUnknown:
    """The error for a version that is not there."""
    return RegisteredVersionUnknown(
        f"The registry has no version {number} of {model!r}.",
        remedy="Look which versions it has; register it again if it was deleted by mistake.",
        model=model,
        version=number,
    )
