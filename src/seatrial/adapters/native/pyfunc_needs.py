"""Whether what a folder of MLflow was logged with is what is installed here."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.pyfunc_file import DESCRIPTION, REQUIREMENTS, requirement_lines
from seatrial.serving.failures import VersionMismatch

_ALSO_BY: Final = {"mlflow": "mlflow-skinny"}
"""Distributions whose modules another brings too."""


def check_needs(name: str, folder: Path, *, any_version: bool) -> None:
    """See that the libraries a model was logged with are here, each in that minor version.

    Args:
        name: of the model, for messages.
        any_version: accept others, but nothing that is absent.
    Raises: MissingLibrary, VersionMismatch.
    """
    wanted = list(_requirements(folder))
    absent = [one for one in wanted if _installed(one.name) is None]
    if absent:
        shown = " ".join(f"'{one.name}{one.specifier}'" for one in absent)
        raise MissingLibrary(
            f"{name} needs {shown}, which is not installed here.",
            remedy=f"Run: pip install {shown}  where the model is packaged, as the "
            f"{REQUIREMENTS} that MLflow wrote says.",
            package=absent[0].name,
        )
    if not any_version:
        _check_python(name, folder)
        for one in wanted:
            _check_version(name, one)


def _requirements(folder: Path) -> Iterator[Requirement]:
    """What the requirements name that counts here; options and paths of pip are passed over."""
    try:
        text = (folder / REQUIREMENTS).read_text("utf-8", "replace")
    except OSError:
        return
    for line in requirement_lines(text):
        try:
            found = Requirement(line)
        except InvalidRequirement:
            continue
        if found.marker is None or found.marker.evaluate({"extra": ""}):
            yield found


def _installed(name: str) -> str | None:
    for one in (name, _ALSO_BY.get(name)):
        try:
            return None if one is None else metadata.version(one)
        except metadata.PackageNotFoundError:
            continue
    return None


def _check_version(name: str, wanted: Requirement) -> None:
    """A pin holds within its minor version, as libraries promise; a range as it stands."""
    here = _installed(wanted.name) or ""
    exact = [one.version for one in wanted.specifier if one.operator == "=="]
    if exact:
        fits = _minor(exact[0]) == _minor(here)
    else:
        fits = wanted.specifier.contains(here, prereleases=True)
    if not fits:
        raise VersionMismatch(
            f"{name} was logged with {wanted.name}{wanted.specifier}; {here} is installed.",
            remedy=f"Run: pip install '{wanted.name}{wanted.specifier}'  or pass --any-version to "
            "try it so.",
            package=wanted.name,
            installed=here,
        )


def _minor(version: str) -> object:
    try:
        return Version(version).release[:2]
    except InvalidVersion:
        return version


def _check_python(name: str, folder: Path) -> None:
    """Code that was pickled is of one Python: another may end in the middle of it."""
    try:
        described: Any = yaml.safe_load((folder / DESCRIPTION).read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return  # MLflow says what is wrong, when it loads it
    flavors = described.get("flavors") if isinstance(described, dict) else None
    told = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(told, dict) or "python_model" not in told:
        return
    made, here = str(told.get("python_version")), platform.python_version()
    if _minor(made) != _minor(here):
        raise VersionMismatch(
            f"{name} holds code of Python {made}; this is {here}.",
            remedy="Package it with that Python, or log it from code "
            "(python_model='model.py'), which is of no one Python; --any-version tries it so.",
            trained=made,
            installed=here,
        )
