"""The features of endpoints in a worker: opened once, from configuration and snapshot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.served_features import prune_served
from seatrial.features.lookup import Lookups
from seatrial.features.tally import Tally, exposition
from seatrial.features.view import Repository
from seatrial.kernel.errors import Denied
from seatrial.wiring.features.commands import folder_of, now_us
from seatrial.wiring.features.lookup_opener import Opener, Source, source_of
from seatrial.wiring.features.lookup_renewal import Renewal, mark_of

if TYPE_CHECKING:
    from seatrial.serving.worker import Beside
    from seatrial.wiring.workspace import Workspace


TECTON_KEY = "TECTON_API_KEY"


class TectonKeyMissing(Denied):
    """Features are looked up in Tecton, and there is no key for it."""

    code = "features.tecton_key_missing"


_KEPT_S = 30 * 86_400.0
"""How long what was looked up is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The lookups of a worker.

    Args:
        repository: what was registered.
        renewal: makes them follow the repository; None where nothing can change.
    """

    lookups: Lookups
    repository: Repository
    renewal: Renewal | None


def open_lookups(workspace: Workspace, tally: Tally, *, worker: str | None = None) -> Opened:
    """The lookups of every endpoint that the section `features` names; nothing is connected yet.

    Args: worker: under whose name a sample of what is looked up is kept; None for none.
    Raises: RepositoryMissing, RepositoryInvalid, NotApplied, Unregistered, Unsupported,
        MissingExtra; of Tecton TectonKeyMissing, OnlineStoreUnavailable.
    """
    if worker is not None:
        prune_served(workspace.home / "features", before_s=now_us() / 1e6 - _KEPT_S)
    opener = Opener(workspace, tally, worker)
    if workspace.settings.features.tecton is not None:
        source = _of_tecton(workspace)
        return Opened(lookups=opener.lookups(source), repository=source.repository, renewal=None)
    folder = folder_of(workspace).absolute()
    mark = mark_of(folder)
    source = source_of(open_folder(folder))
    lookups = opener.lookups(source)
    return Opened(
        lookups=lookups,
        repository=source.repository,
        renewal=Renewal(folder, opener, lookups, source, mark=mark),
    )


def _of_tecton(workspace: Workspace) -> Source:
    from seatrial.adapters.features.tecton import TectonWorkspace

    config = workspace.settings.features
    assert config.tecton is not None
    key = os.environ.get(TECTON_KEY)
    if not key:
        raise TectonKeyMissing(
            f"{TECTON_KEY} is not set.",
            remedy="Set it to the key of a service account that may read the workspace.",
        )
    tecton = TectonWorkspace(config.tecton.url, workspace=config.tecton.workspace, key=key)
    services = [
        service
        for lookup in config.endpoints.values()
        for service in ([lookup.service] if lookup.service else map(_service_of, lookup.features))
    ]
    return Source(repository=tecton.repository(services), opened=tecton.open_online, online={})


def _service_of(reference: str) -> str:
    """The feature service of ``service:view.feature``."""
    return reference.partition(":")[0]


class Besides:
    """What lookups count, besides what else is counted; see `serving.worker.Beside`.

    Args: other: what else a worker counts, or None.
    """

    def __init__(self, tally: Tally, other: Beside | None) -> None:
        self._tally = tally
        self._other = other

    def snapshot(self) -> object:
        """See Beside."""
        other = None if self._other is None else self._other.snapshot()
        return {"features": self._tally.snapshot(), "other": other}

    def exposition(self, workers: Mapping[str, object]) -> str:
        """See Beside."""
        both = {name: one for name, one in workers.items() if isinstance(one, Mapping)}
        told = exposition({name: one.get("features") for name, one in both.items()})
        if self._other is not None:
            told += self._other.exposition({name: one.get("other") for name, one in both.items()})
        return told
