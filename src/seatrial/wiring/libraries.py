"""Which of the libraries that seatrial names are installed here, and whether they fit and load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

PACKAGE = "seatrial"
_SAME: Mapping[str, str] = {"xgboost-cpu": "xgboost"}
"""Distributions of other names that bring the same modules."""

_TRY = """
import importlib, json, sys
failed = {}
for module in json.loads(sys.argv[1]):
    try:
        importlib.import_module(module)
    except Exception as error:
        failed[module] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""
_TRY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """The libraries of one part of seatrial.

    Args:
        part: name of the extra; empty for the core.
        found: version by distribution.
        missing: requirements that nothing installed answers, such as ``lightgbm>=4.5``.
        unfit: requirements that an installed version does not satisfy, with that version.
    """

    part: str
    found: Mapping[str, str]
    missing: tuple[str, ...]
    unfit: tuple[str, ...]


def extras() -> list[str]:
    """The extras that can be installed, without those that only sum up others.

    Raises: importlib.metadata.PackageNotFoundError: seatrial runs without being installed.
    """
    names = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    return sorted(name for name in names if name != "all")


def libraries(part: str) -> Libraries:
    """What is installed of a part.

    Args:
        part: an extra, or empty for the core.
    Raises: importlib.metadata.PackageNotFoundError: seatrial runs without being installed.
    """
    found: dict[str, str] = {}
    missing, unfit = [], []
    for needed in _requirements(part):
        name, version = _installed(needed.name)
        if version is None:
            missing.append(f"{needed.name}{needed.specifier}")
        elif not needed.specifier.contains(version, prereleases=True):
            unfit.append(f"{needed.name}{needed.specifier} (here: {version})")
        else:
            found[name] = version
    return Libraries(part=part, found=found, missing=tuple(missing), unfit=tuple(unfit))


def broken(distributions: Iterable[str]) -> dict[str, str]:
    """What went wrong, by module, when a fresh interpreter imported these distributions."""
    wanted = set(distributions)
    brought: dict[str, list[str]] = {}
    for module, names in metadata.packages_distributions().items():
        if module.isidentifier() and not module.startswith("_"):
            for name in wanted.intersection(names):
                brought.setdefault(name, []).append(module)
    modules = sorted({one for name, found in brought.items() for one in _its_own(name, found)})
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY, json.dumps(modules)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TRY_S,
        )
    except subprocess.TimeoutExpired:
        return {"(all)": f"importing them took longer than {_TRY_S:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"(all)": f"the interpreter ended with {done.returncode}: {last}"}
    failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return failed


def _requirements(part: str) -> Iterator[Requirement]:
    """The requirements of a part, those of seatrial's own extras in place of their names."""
    for line in metadata.requires(PACKAGE) or []:
        needed = Requirement(line)
        asked = needed.marker is None or needed.marker.evaluate({"extra": part})
        if not asked or (part and needed.marker is None):
            continue
        if needed.name != PACKAGE:
            yield needed
            continue
        for other in needed.extras:
            yield from _requirements(other)


def _installed(distribution: str) -> tuple[str, str | None]:
    for name in (distribution, _SAME.get(distribution)):
        if name is None:
            continue
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return distribution, None


def _its_own(distribution: str, modules: Sequence[str]) -> Sequence[str]:
    """The modules that a distribution is for.

    Where one is named like it, others beside it serve other libraries: duckdb brings a driver for
    one that need not be there.
    """
    named = [one for one in modules if one.lower() == distribution.replace("-", "_").lower()]
    return named or modules
