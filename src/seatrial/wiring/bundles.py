"""Registered versions by what a person calls them: ``churn`` or ``churn@3``."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Store
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Version, get, versions
from seatrial.release.desk import Desk
from seatrial.wiring.workspace import Workspace


class SubjectInvalid(Invalid):
    """What was named is neither NAME nor NAME@VERSION."""

    code = "bundle.subject_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A registered version as a person names it.

    Args:
        name: of the model.
        number: its version; None for the one in production, or the newest where none is.
    """

    name: str
    number: int | None


def parse_subject(text: str) -> Subject:
    """``churn`` or ``churn@3``.   Raises: SubjectInvalid."""
    name, at, number = text.partition("@")
    if at and not (number.isascii() and number.isdecimal() and int(number) > 0):
        raise SubjectInvalid(
            f"{text!r} names no version.",
            remedy=f"Write {name or 'NAME'} or {name or 'NAME'}@VERSION, with a whole number.",
        )
    return Subject(name=name, number=int(number) if at else None)


def is_path(text: str) -> bool:
    """Whether a word names a file or folder: names of models hold neither dots nor slashes."""
    return "." in text or "/" in text


def registered(workspace: Workspace, subject: Subject) -> tuple[Version, Bundle]:
    """A version of the catalogue with its bundle, every byte of it verified.

    Raises: ModelUnknown, VersionUnknown; BundleNotFound, BundleTampered and their kin.
    """
    store = workspace.open_store()
    try:
        version = get(store, subject.name, subject.number or foremost(store, subject.name))
    finally:
        store.close()
    path = workspace.bundles / version.digest
    return version, Bundle.open(path, digest=version.digest)


def foremost(store: Store, name: str) -> int:
    """The version in production, or the newest where none is."""
    desk = Desk(store)
    stable = desk.state(name).stable if name in desk.names() else None
    return stable or len(versions(store, name))
