"""Registered versions by what a person calls them: ``churn`` or ``churn@3``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Store
from seatrial.registry.archive import opened
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Version, get, versions
from seatrial.release.desk import Desk
from seatrial.wiring.workspace import Workspace, open_workspace


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A verified bundle and where it was found.

    Args:
        bundle: itself.
        place: its folder or archive, which its signature lies beside.
        version: as it is registered; None for one that was named by its path.
        workspace: it is registered in; None with it.
    """

    bundle: Bundle
    place: Path
    version: Version | None = None
    workspace: Workspace | None = None

    @property
    def label(self) -> str:
        """What a person calls it."""
        if self.version is None:
            return str(self.place)
        return f"{self.version.name} version {self.version.number}"


@contextmanager
def held(what: str, *, home: Path | None, config: Path | None) -> Iterator[Held]:
    """The bundle that ``PATH|NAME[@VERSION]`` names; an archive is unpacked meanwhile.

    Raises: SubjectInvalid, ModelUnknown, VersionUnknown; what `opened` and `registered` raise.
    """
    if is_path(what):
        with opened(Path(what)) as bundle:
            yield Held(bundle=bundle, place=Path(what))
        return
    workspace = open_workspace(home=home, config=config)
    version, bundle = registered(workspace, parse_subject(what))
    yield Held(bundle=bundle, place=bundle.path, version=version, workspace=workspace)


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
