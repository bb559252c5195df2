"""Versions of an index as versions of an endpoint: released, routed by the split, measured.

What is registered is which version of the index store is meant; the version itself lies there. A
name that was never released follows the live version instead.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from seatrial.kernel.errors import Conflict
from seatrial.kernel.store import FactLog, Store
from seatrial.rag.answering.reply import Reply
from seatrial.rag.index.writing import VersionFacts
from seatrial.rag.knowledge.desk import IndexIsReleased
from seatrial.registry.documents import Document, documents, find, register
from seatrial.release.measurement import quality
from seatrial.release.projection import Endpoints
from seatrial.serving.client_errors import as_told
from seatrial.serving.outcome import OK, outcome_of
from seatrial.serving.router import NothingLive, Pick, Router, StillLoading, UnknownModel
from seatrial.wiring.kinds import INDEX


class IndexVersionUnreadable(Conflict):
    """What is registered does not say which version of an index is meant."""

    code = "rag.index_version_unreadable"


def register_version(store: FactLog, name: str, facts: VersionFacts, *, by: str) -> Document:
    """Give a version of an index a number among the released ones, or find the one it has.

    Raises: as `documents.register`.
    """
    content: dict[str, object] = {
        "index_version": facts.version,
        "documents": facts.n_documents,
        "chunks": facts.n_chunks,
        "created": facts.created.isoformat(),
        "recipe": asdict(facts.recipe),
    }
    written = json.dumps([name, content], sort_keys=True).encode()
    return register(
        store,
        INDEX,
        name,
        digest=hashlib.sha256(written).hexdigest(),
        content=content,
        source_name=f"{name} version {facts.version}",
        by=by,
    )


def index_version_of(content: Mapping[str, object]) -> int:
    """The version of the index store that a registered one means.

    Raises: IndexVersionUnreadable.
    """
    version = content.get("index_version")
    if not isinstance(version, int) or version < 1:
        raise IndexVersionUnreadable(
            f"A registered version names the version {version!r} of its index.",
            remedy="Release it again, with this version of seatrial or a newer one.",
        )
    return version


def versions_in_use(store: Store, name: str) -> set[int]:
    """The versions of an index that its endpoint has in production or on trial."""
    endpoints = Endpoints(store)
    endpoints.refresh()
    if name not in endpoints.names():
        return set()
    used = set(endpoints.get(name).target.split.versions)
    return {
        index_version_of(one.content) for one in documents(store, INDEX, name) if one.number in used
    }


def versions_to_keep(store: Store, name: str) -> set[int]:
    """The versions of an index that its endpoint may still need: in production, under test or on
    trial, and the one that a rollback goes to."""
    endpoints = Endpoints(store)
    endpoints.refresh()
    if name not in endpoints.names():
        return set()
    state = endpoints.get(name)
    needed = {*state.split.versions, *state.former[-1:]}
    if state.active is not None:
        needed.add(state.active.version)
    return {
        index_version_of(one.content)
        for one in documents(store, INDEX, name)
        if one.number in needed
    }


def is_released(store: Store, name: str) -> bool:
    """Whether an index has an endpoint, which decides what answers."""
    return bool(documents(store, INDEX, name))


def check_unreleased(store: Store, name: str) -> None:
    """Raises: IndexIsReleased: the endpoint of an index decides which version answers."""
    if is_released(store, name):
        raise IndexIsReleased(
            f"Versions of {name!r} are released: its endpoint decides which one answers.",
            remedy=f"Run 'seatrial rollback {name}', or use the endpoint's page.",
        )


def version_in_production(store: Store, name: str) -> int | None:
    """The version of an index that its endpoint has in production, if there is one."""
    endpoints = Endpoints(store)
    endpoints.refresh()
    if name not in endpoints.names():
        return None
    stable = endpoints.get(name).target.split.stable
    for one in documents(store, INDEX, name):
        if one.number == stable:
            return index_version_of(one.content)
    return None


O = TypeVar("O")  # noqa: E741 - what is opened


class LoadedIndex(Generic[O]):
    """A version that a fleet can have; see `serving.fleet.Loaded`."""

    def __init__(self, opened: O) -> None:
        self.opened = opened

    async def start(self) -> None:
        """It is open."""

    async def close(self, *, drain_s: float = 0.0) -> None:
        """Who still searches it holds it; then it is gone."""


class IndexShelf(Generic[O]):
    """Opens versions that are released; what the fleet of a worker is given.

    Args:
        log: where they are registered.
        open_version: of an index by name and number; blocks.
    """

    def __init__(self, log: FactLog, open_version: Callable[[str, int], O]) -> None:
        self._log, self._open_version = log, open_version

    def __call__(
        self,
        endpoint: str,
        version: int,  # noqa: ARG002 - the digest says which
        digest: str,
    ) -> LoadedIndex[O]:
        """See `serving.fleet.OpenVersion`.

        Raises: DocumentUnknown, IndexVersionUnreadable; what opening raises.
        """
        content = find(self._log, INDEX, endpoint, digest).content
        return LoadedIndex(self._open_version(endpoint, index_version_of(content)))


@dataclass(slots=True)
class Served(Generic[O]):
    """A version that answers one question, and where what became of it is recorded."""

    opened: O
    _pick: Pick[LoadedIndex[O]]
    _began: float

    def answered(self, reply: Reply | None) -> None:
        """It did what it was asked to.

        Args: reply: None where it was only searched.
        """
        if reply is not None:
            cost = reply.cost_usd if reply.cost_usd != Decimal(0) else None
            self._pick.appraise(quality(score=reply.confidence, cost_usd=cost))
        self._pick.observe(time.monotonic() - self._began, OK)

    def failed(self, problem: Exception) -> None:
        """It did not."""
        self._pick.observe(time.monotonic() - self._began, outcome_of(as_told(problem, None)))


class ReleasedIndexes(Generic[O]):
    """Which version answers for an index that is released.

    Args: router: the tables.
    """

    def __init__(self, router: Router[LoadedIndex[O]]) -> None:
        self._router = router
        self._live: set[str] = set()
        """Indexes whose live version answered last: it goes on while a first release is loaded."""

    def pick(self, name: str, key: bytes | None) -> Served[O] | None:
        """The version of a question; None where the live one answers, since none is released or
        the first is still tested.   Raises: StillLoading."""
        try:
            picked = self._router.pick(name, key)
        except (UnknownModel, NothingLive):
            self._live.add(name)
            return None
        except StillLoading:
            if name in self._live:
                return None
            raise
        self._live.discard(name)
        return Served(picked.version.opened, picked, time.monotonic())

    def stable(self, name: str) -> O | None:
        """The version in production; None for an index that is not released.

        Raises: StillLoading.
        """
        try:
            return self._router.get(name).opened
        except (UnknownModel, NothingLive):
            return None
        except StillLoading:
            if name in self._live:
                return None
            raise
