"""What of an index nothing needs any more, and which of its versions answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from seatrial.adapters.index.leftovers import DraftFacts, Leftovers
from seatrial.kernel.store import Store
from seatrial.rag.index.failures import IndexNotFound
from seatrial.rag.index.writing import VersionFacts
from seatrial.wiring.knowledge.indexes import index_store, knowledge_config
from seatrial.wiring.knowledge.releases import (
    version_in_production,
    versions_in_use,
    versions_to_keep,
)
from seatrial.wiring.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The versions of an index, oldest first, and what each does.

    Args:
        production: the version that servers answer with; None where they follow the live one,
            since none is released.
        on_trial: versions that a release gives a share of the questions.
        draft: a version that was begun and is not published.
    """

    versions: tuple[VersionFacts, ...]
    production: int | None
    on_trial: frozenset[int]
    draft: DraftFacts | None

    def answers(self, version: VersionFacts) -> bool:
        """Whether a server answers all or most questions with a version."""
        if self.production is None:
            return version.live
        return version.version == self.production

    def roles(self, version: VersionFacts) -> tuple[str, ...]:
        """What a version does, in words; nothing for one that is only kept."""
        if self.production is None:
            return ("live",) if version.live else ()
        said = (
            ("in production", version.version == self.production),
            ("on trial", version.version in self.on_trial),
            ("asked by commands and programs", version.live),
        )
        return tuple(role for role, has in said if has)


def standing_of(workspace: Workspace, name: str) -> Standing:
    """Of an index.   Raises: IndexNotFound, where neither a version nor a draft is there."""
    store = index_store(workspace)
    draft = store.draft_of(name)
    try:
        versions = tuple(store.versions(name))
    except IndexNotFound:
        if draft is None:
            raise
        versions = ()
    with _facts(workspace, read=True) as facts:
        production = version_in_production(facts, name) if facts else None
        used = frozenset(versions_in_use(facts, name)) if facts else frozenset[int]()
    return Standing(
        versions=versions,
        production=production,
        on_trial=used - {production} if production is not None else frozenset(),
        draft=draft,
    )


def discard_leftovers(workspace: Workspace, name: str, *, dry_run: bool = False) -> Leftovers:
    """Remove what of an index nothing needs: its draft, versions beyond ``keep_versions`` that no
    release needs, and files that killed builders left.

    Args: dry_run: only tell.
    Raises: KnowledgeUnknown, IndexBeingBuilt, IndexDamaged, IndexDenied.
    """
    name, config = knowledge_config(workspace, name)
    store = index_store(workspace)
    with _facts(workspace, read=dry_run) as facts:
        act = store.leftovers if dry_run else store.discard
        needed = partial(versions_to_keep, facts, name) if facts else frozenset[int]
        return act(name, keep=config.keep_versions, needed=needed)


@contextmanager
def _facts(workspace: Workspace, *, read: bool) -> Iterator[Store | None]:
    """What was released; None where nothing ever was, in a folder that can only be read."""
    store = workspace.read_store() if read else workspace.open_store()
    try:
        yield store
    finally:
        if store is not None:
            store.close()
