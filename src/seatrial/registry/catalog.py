"""The catalogue: which versions a model has, folded from the facts of its stream.

Numbers are given here, one after the other, under the log's compare-and-swap; two deployers at once
get two numbers, the same content gets the one it has. What a version *is* lies in its bundle.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog, StreamChanged
from seatrial.registry.manifest import Framework
from seatrial.registry.naming import check_name

REGISTERED = "version.registered"
_PREFIX = "model/"
_PAGE = 1000
_ATTEMPTS = 100

K = TypeVar("K")
"""What is known of something that was registered before."""


class VersionUnknown(NotFound):
    """The model has no version of that number."""

    code = "version.unknown"


class ModelUnknown(NotFound):
    """No version of a model of that name was ever registered."""

    code = "model.unknown"


class VersionUnreadable(Invalid):
    """A registered version was written by a later seatrial, or not by seatrial at all."""

    code = "version.unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is said of a bundle when it is registered.

    Args:
        digest: the bundle's; lower-case hex of SHA-256.
        framework: what made the model.
        source_name: name of the file the user gave, without folders.
        source_sha256: its hash.
        label: the column the model predicts, or None when nobody said.
        metrics: what the maker measured, by name.
        notes: free text.
    """

    digest: str
    framework: Framework
    source_name: str
    source_sha256: str
    label: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A registered bundle.

    Args:
        name: the model's.
        number: 1, 2, 3, ... in the order of registration.
        of: what was said of it.
        at: when, aware UTC.
        by: who registered it.
    """

    name: str
    number: int
    of: Registration
    at: datetime
    by: str

    @property
    def digest(self) -> str:
        """The bundle's digest."""
        return self.of.digest


def register(log: FactLog, name: str, registration: Registration, *, by: str) -> Version:
    """Give a bundle the model's next number, or find the number it already has.

    Raises: ModelNameInvalid; StreamChanged when others kept registering for a hundred attempts;
        what the log raises, in which case nothing was registered.
    """
    stream = _PREFIX + check_name(name)

    def decide(facts: list[Fact]) -> Version | Draft:
        known = _fold(facts)
        same = next((v for v in known if v.digest == registration.digest), None)
        data = _to_data(len(known) + 1, registration)
        return same or Draft(kind=REGISTERED, data=data, by=by)

    found = numbered(log, stream, decide)
    return found if isinstance(found, Version) else _version(found)


def numbered(log: FactLog, stream: str, decide: Callable[[list[Fact]], K | Draft]) -> K | Fact:
    """Append what is decided of a stream, deciding anew while others append to it.

    Args:
        decide: from the facts there are: what is known already, or what to append.
    Returns: what is known, or the fact that was appended.
    Raises: StreamChanged when others kept appending for a hundred attempts; what ``decide`` raises.
    """
    for attempt in range(_ATTEMPTS):
        facts = read_stream(log, stream)
        decided = decide(facts)
        if not isinstance(decided, Draft):
            return decided
        try:
            revision = facts[-1].revision if facts else 0
            return log.append(stream, [decided], expected=revision)[0]
        except StreamChanged:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError  # the loop returns or raises


def versions(log: FactLog, name: str) -> list[Version]:
    """The versions of a model by number; empty for a model nobody registered."""
    return _fold(read_stream(log, _PREFIX + name))


def get(log: FactLog, name: str, number: int) -> Version:
    """One version. Raises: ModelUnknown, VersionUnknown, naming what there is."""
    known = versions(log, name)
    if not known:
        raise _model_unknown(name, models(log))
    if 1 <= number <= len(known):
        return known[number - 1]
    raise VersionUnknown(
        f"The model {name!r} has no version {number}, only 1 to {len(known)}.",
        remedy="Name one of these, or deploy a new one.",
        model=name,
        version=number,
    )


def models(log: FactLog) -> list[str]:
    """The names of all models, sorted."""
    return [stream.removeprefix(_PREFIX) for stream in log.streams(_PREFIX)]


class _SourceV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sha256: str


class _FrameworkV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str


class _RegisteredV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    digest: str
    framework: _FrameworkV1
    source: _SourceV1
    label: str | None
    metrics: dict[str, float]
    notes: str


def _to_data(number: int, registration: Registration) -> dict[str, object]:
    return {
        "version": number,
        "digest": registration.digest,
        "framework": {
            "name": registration.framework.name,
            "version": registration.framework.version,
        },
        "source": {"name": registration.source_name, "sha256": registration.source_sha256},
        "label": registration.label,
        "metrics": dict(registration.metrics),
        "notes": registration.notes,
    }


def read_stream(log: FactLog, stream: str) -> list[Fact]:
    """All facts of a stream, oldest first."""
    facts: list[Fact] = []
    while page := log.read(stream=stream, after=facts[-1].seq if facts else 0, limit=_PAGE):
        facts += page
    return facts


def _fold(facts: list[Fact]) -> list[Version]:
    return [_version(fact) for fact in facts if fact.kind == REGISTERED]


def _version(fact: Fact) -> Version:
    if fact.damage:
        raise _unreadable(fact, fact.damage)
    if fact.schema not in _READERS:
        raise _unreadable(fact, f"its schema {fact.schema} is unknown")
    try:
        number, registration = _READERS[fact.schema](fact.data)
    except msgspec.ValidationError as error:
        raise _unreadable(fact, str(error)) from error
    return Version(
        name=fact.stream.removeprefix(_PREFIX),
        number=number,
        of=registration,
        at=fact.at,
        by=fact.by,
    )


def _read_v1(data: Mapping[str, object]) -> tuple[int, Registration]:
    record = msgspec.convert(dict(data), _RegisteredV1)
    return record.version, Registration(
        digest=record.digest,
        framework=Framework(name=record.framework.name, version=record.framework.version),
        source_name=record.source.name,
        source_sha256=record.source.sha256,
        label=record.label,
        metrics=record.metrics,
        notes=record.notes,
    )


_READERS: Mapping[int, Callable[[Mapping[str, object]], tuple[int, Registration]]] = {1: _read_v1}


def _unreadable(fact: Fact, reason: str) -> VersionUnreadable:
    return VersionUnreadable(
        f"Revision {fact.revision} of {fact.stream!r} cannot be read: {reason}.",
        remedy="Upgrade seatrial to the version that wrote it.",
        stream=fact.stream,
        revision=fact.revision,
    )


def _model_unknown(name: str, known: list[str]) -> ModelUnknown:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else "Deploy it first: seatrial deploy FILE."
    return ModelUnknown(f"There is no model {name!r}.", remedy=remedy, model=name)
