"""Pinned requirements: what a model needs to answer, exactly as installed here, and no more.

A bundle pins what its engines need; a release adds what the server needs. Both are closed under
dependencies, so an image holds the same libraries on every build, and a bundle that answers through
ONNX alone brings no scikit-learn.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.registry.manifest import Role

Pins: TypeAlias = Mapping[str, str]
"""Exact version by normalised distribution name."""

SERVER = ("fastapi", "httptools", "msgspec", "numpy", "orjson", "psutil", "uvicorn", "uvloop")
"""What `seatrial.wiring.deploying.standalone` imports; the engines come with the bundle."""

_ONNX = ("onnxruntime",)
_TEXTS = ("tokenizers",)
_SCAN = ("picklescan",)
_ELSEWHERE = ("aiohappyeyeballs", "pyyaml")
_ELSEWHERE_GRPC = ("grpcio", "protobuf")
_SIGNED = ("cryptography",)
_COLUMNS = "pandas"
_PIN = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([A-Za-z0-9.!+_-]+)")


class RequirementMissing(Unavailable):
    """A library that must be pinned is not installed here."""

    code = "requirements.missing"


class RequirementUnknown(Invalid):
    """The model uses a module that no installed package provides."""

    code = "requirements.unknown"


class RequirementsUnreadable(Invalid):
    """A line of a bundle's requirements is not an exact pin."""

    code = "requirements.unreadable"


def model_pins(
    *,
    roles: Collection[Role],
    modules: Collection[str],
    columns: bool,
    texts: bool = False,
    listed: Collection[str] = (),
) -> Pins:
    """What the engines of a bundle need.

    Args:
        roles: the artefacts that may answer.
        modules: what the native model imports, such as ``sklearn`` or ``xgboost.sklearn``;
            ignored without a native artefact.
        columns: whether the native model takes its rows as a table with named columns.
        texts: whether the graph brings a tokenizer along.
        listed: distributions that the native model says it needs; those not installed here, where
            it was tried, are left out.
    Raises: RequirementUnknown, RequirementMissing.
    """
    roots = {"numpy"}
    if not {Role.ONNX, Role.WIDE}.isdisjoint(roles):
        roots.update((*_ONNX, *(_TEXTS if texts else ())))
    if Role.NATIVE in roles:
        roots.update(_distributions(modules))
        roots.update(name for name in listed if _is_here(name))
        if columns:
            roots.add(_COLUMNS)
    return closure(roots)


def server_pins(*, native: bool, elsewhere: bool = False, verified: bool = False) -> Pins:
    """What the server needs whatever the model.

    Args:
        native: whether a pickled model may answer, which is scanned before each load.
        elsewhere: whether another server answers; by gRPC too, if this one could.
        verified: whether it can check who signed the bundle.
    Raises: RequirementMissing.
    """
    roots = (*SERVER, *(_SCAN if native else ()), *(_ELSEWHERE if elsewhere else ()))
    roots += _SIGNED if verified else ()
    if elsewhere and find_spec("grpc") is not None:
        roots += _ELSEWHERE_GRPC
    return closure(roots)


def closure(roots: Iterable[str]) -> Pins:
    """The installed versions of distributions and of all they depend on here.

    Raises: RequirementMissing.
    """
    pins: dict[str, str] = {}
    todo = [(Requirement(root), "") for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement, parent = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        distribution = _distribution(name, parent)
        # A local version (1.0+cpu) is on no index; 1.0 matches it (PEP 440).
        pins[name] = Version(distribution.version).public
        for text in distribution.requires or ():
            child = Requirement(text)
            if _applies(child, requirement.extras):
                todo.append((child, name))
    return dict(sorted(pins.items()))


def installed_from_files(pins: Pins) -> tuple[str, ...]:
    """Those that were installed here from a folder or a file, so that no index need have them.

    Source: PEP 610, ``direct_url.json``. Editable packages are among them.
    """
    return tuple(name for name in sorted(pins) if _is_from_file(name))


def render_pins(pins: Pins) -> str:
    """One line a pin, sorted."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def parse_pins(text: str) -> Pins:
    """The pins behind `render_pins`; nothing else is accepted, options for pip least of all.

    Raises: RequirementsUnreadable, naming the line.
    """
    pins = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found = _PIN.fullmatch(line)
        if found is None:
            raise RequirementsUnreadable(
                f"Line {number} of the bundle's requirements is {line!r}, not a pin.",
                remedy="Deploy the model again to write new requirements.",
                line=number,
            )
        pins[found[1]] = found[2]
    return pins


def _is_here(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _is_from_file(name: str) -> bool:
    try:
        said = metadata.distribution(name).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return False
    return said is not None and str(json.loads(said).get("url", "")).startswith("file:")


def _applies(requirement: Requirement, extras: Collection[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _distribution(name: str, parent: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        wanted = f", which {parent!r} needs," if parent else ""
        raise RequirementMissing(
            f"The package {name!r}{wanted} is not installed here, so it cannot be pinned.",
            remedy=f"Run: pip install {name}",
            package=name,
        ) from None


def _distributions(modules: Iterable[str]) -> set[str]:
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    providers = metadata.packages_distributions()
    names = set()
    for top in sorted(tops - {"seatrial"}):
        if top not in providers:
            raise RequirementUnknown(
                f"The model uses the module {top!r}, which no installed package provides.",
                remedy="Install it as a package, so that a container can install it too.",
                module=top,
            )
        names.update(providers[top])
    return names
