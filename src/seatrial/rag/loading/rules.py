"""What the configuration says about a file: its metadata, and who may read its documents."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.rag.loading.config import AccessConfig, SourceConfig
from seatrial.rag.loading.globs import Globs
from seatrial.rag.loading.metadata import EVERYONE
from seatrial.rag.text.document import MetaValue


@dataclass(frozen=True, slots=True)
class Said:
    """What holds for a file.

    Args:
        metadata: goes over what the file says of itself.
        readers: as configured; None where nothing is said.
    """

    metadata: dict[str, MetaValue]
    readers: tuple[str, ...] | None


class Rules:
    """The rules of one source; files to which the same ones apply share one `Said`."""

    def __init__(self, source: SourceConfig, access: AccessConfig) -> None:
        self._source = source
        self.access = access
        self._globs = [Globs(rule.files) for rule in source.rules]
        self._known: dict[tuple[bool, ...], Said] = {}

    def of(self, path: str) -> Said:
        """What holds for a file, by its path under the folder named."""
        matches = tuple([globs.match(path) for globs in self._globs]) if self._globs else ()
        said = self._known.get(matches)
        if said is None:
            said = self._known[matches] = self._said(matches)
        return said

    def readers(self, said: Said, own: tuple[str, ...] | None) -> frozenset[str] | None:
        """Who may read a document; None: everybody.

        Args: own: the readers it names itself.
        """
        names = own if own is not None and self.access.own else said.readers
        if names is None:
            return None if self.access.default == EVERYONE else frozenset()
        return None if EVERYONE in names else frozenset(names)

    def _said(self, matches: tuple[bool, ...]) -> Said:
        metadata, readers = dict(self._source.metadata), self._source.readers
        for rule, matched in zip(self._source.rules, matches, strict=True):
            if matched:
                metadata |= rule.metadata
                readers = readers if rule.readers is None else rule.readers
        return Said(metadata, readers)
