"""What of an embedded index's folder nothing needs: a draft, old versions, what was killed left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from seatrial.adapters.index.file import damaged, is_locked, translated
from seatrial.adapters.index.folder import Catalogue, IndexFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFacts:
    """A version that was begun and is not published.

    Args:
        n_bytes: of the files that it alone needs.
        begun, written: when it was begun, and when something was last put into it.
        is_building: whether a builder has it open.
    """

    n_bytes: int
    begun: datetime
    written: datetime
    is_building: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What can be discarded, or was.

    Args:
        versions: old ones, rising.
        n_bytes: of all files, the draft's and those that nothing names included.
    """

    draft: DraftFacts | None
    versions: tuple[int, ...]
    n_bytes: int


Needed = Callable[[], Set[int]]
"""The versions that are needed besides the newest and the live one."""


def draft_of(folder: IndexFolder) -> DraftFacts | None:
    """The draft of an index; None where there is none.   Raises: IndexDamaged, IndexDenied."""
    state = folder.draft_state()
    if state is None:
        return None
    catalogue = folder.catalogue()
    own = {part.segment for part in state.parts} - _segments(folder, catalogue)
    files = [*_files([folder.draft]), *map(folder.segment, own)]
    times = [datetime.fromtimestamp(one, UTC) for one in _times(files)]
    now = datetime.now(UTC)
    return DraftFacts(
        n_bytes=_size(files),
        begun=state.begun or min(times, default=now),
        written=max(times, default=now),
        is_building=is_locked(folder.builder_lock),
    )


def leftovers(folder: IndexFolder, *, keep: int, needed: Needed) -> Leftovers:
    """What `discard` would remove.   Args, Raises: as there."""
    if not folder.exists:
        return Leftovers(draft=None, versions=(), n_bytes=0)
    catalogue = folder.catalogue()
    return _found(folder, catalogue, _kept(catalogue, keep, needed()))


def discard(folder: IndexFolder, *, keep: int, needed: Needed) -> Leftovers:
    """Remove the draft, old versions, and files that nothing names.

    The catalogue is replaced before files go, so that one that is killed in the midst leaves only
    files that nothing names, which the next one removes. Who has a version open reads on.

    Args:
        keep: newest versions that stay, >= 1; the live one always does.
        needed: asked with both locks held.
    Raises: IndexBeingBuilt, while a builder has the draft open; IndexDamaged, IndexDenied.
    """
    if not folder.exists:
        return Leftovers(draft=None, versions=(), n_bytes=0)
    with folder.building(), folder.changing():
        catalogue = folder.catalogue()
        kept = _kept(catalogue, keep, needed())
        found = _found(folder, catalogue, kept)
        if found.draft is not None:
            found = replace(found, draft=replace(found.draft, is_building=False))
        if found.versions:
            folder.commit(kept)
        with translated(folder.draft):
            folder.drop_draft()
            folder.drop_unnamed()
    return found


def _kept(catalogue: Catalogue, keep: int, needed: Set[int]) -> Catalogue:
    newest = {one.version for one in catalogue.versions[-keep:]}
    stay = newest | needed | {catalogue.live}
    versions = tuple(one for one in catalogue.versions if one.version in stay)
    return replace(catalogue, versions=versions)


def _found(folder: IndexFolder, catalogue: Catalogue, kept: Catalogue) -> Leftovers:
    stay = {folder.segment(name) for name in _segments(folder, kept)}
    stay |= {folder.manifest_path(one.version) for one in kept.versions}
    files = _files([folder.draft, *folder.holding])
    gone = {one.version for one in catalogue.versions} - {one.version for one in kept.versions}
    return Leftovers(
        draft=draft_of(folder),
        versions=tuple(sorted(gone)),
        n_bytes=_size(path for path in files if path not in stay),
    )


def _segments(folder: IndexFolder, catalogue: Catalogue) -> set[str]:
    try:
        return folder.segments_of([one.version for one in catalogue.versions])
    except FileNotFoundError as error:
        raise damaged(Path(error.filename), "is not there") from error


def _files(folders: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        with translated(folder):
            found += folder.iterdir() if folder.is_dir() else []
    return found


def _size(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # a builder that runs removed it
            continue
    return total


def _times(files: Iterable[Path]) -> list[float]:
    return [path.stat().st_mtime for path in files if path.exists()]
