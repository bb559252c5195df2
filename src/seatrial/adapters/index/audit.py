"""The audit of an embedded index: its files against their checksums, then its parts."""

from __future__ import annotations

from pathlib import Path

from seatrial.adapters.index.file import MappedArrays
from seatrial.adapters.index.folder import IndexFolder, PartEntry, VersionEntry, unpacked
from seatrial.rag.index.audit import differences_between, differences_within
from seatrial.rag.index.difference import Difference
from seatrial.rag.index.failures import IndexDamaged
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.segmented import Part


def audited(folder: IndexFolder, entry: VersionEntry) -> list[Difference]:
    """All that does not agree in a version."""
    place = f"version {entry.version}"
    try:
        entries = folder.manifest(entry.version).parts
    except (FileNotFoundError, IndexDamaged) as error:
        return [_unreadable(place, error)]
    found: list[Difference] = []
    parts = []
    for part in entries:
        try:
            parts.append(_part(folder.segment(part.segment), part, found))
        except (FileNotFoundError, IndexDamaged) as error:
            found.append(_unreadable(part.segment, error))
    if not found:
        found = differences_between(parts, entry.n_documents, entry.n_chunks, place)
    return found


def _part(path: Path, entry: PartEntry, found: list[Difference]) -> Part:
    arrays = MappedArrays(path)
    changed = arrays.changed()
    found += [
        Difference(part="file", place=path.name, reason=f"{name!r} is not what was written.")
        for name in changed
    ]
    segment = Segment(arrays)
    if not changed:
        found += differences_within(segment, path.name)
    return Part(segment, entry.first_key, unpacked(entry.dead))


def _unreadable(place: str, error: Exception) -> Difference:
    reason = error.problem if isinstance(error, IndexDamaged) else "It is not there."
    return Difference(part="file", place=place, reason=reason)
