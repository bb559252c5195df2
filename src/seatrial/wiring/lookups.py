"""The features of endpoints in a worker: opened once, from configuration and snapshot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from random import random
from typing import TYPE_CHECKING, Protocol

from seatrial.adapters.feast_repository import open_folder
from seatrial.adapters.served_features import ServedFile, prune_served
from seatrial.features.batched import BatchedReader
from seatrial.features.lookup import EndpointLookup, Lookups
from seatrial.features.online import OnlineStore
from seatrial.features.plan import plan_of
from seatrial.features.tally import Tally, exposition
from seatrial.features.view import Repository
from seatrial.kernel.errors import Denied
from seatrial.wiring.feature_skew import served_folder
from seatrial.wiring.features import folder_of, now_us

if TYPE_CHECKING:
    from seatrial.serving.worker import Beside
    from seatrial.wiring.workspace import Workspace


TECTON_KEY = "TECTON_API_KEY"


class TectonKeyMissing(Denied):
    """Features are looked up in Tecton, and there is no key for it."""

    code = "features.tecton_key_missing"


_KEPT_S = 30 * 86_400.0
"""How long what was looked up is kept."""


def open_lookups(workspace: Workspace, tally: Tally, *, worker: str | None = None) -> Lookups:
    """The lookups of every endpoint that the section `features` names; nothing is connected yet.

    Args: worker: under whose name a sample of what is looked up is kept; None for none.
    Raises: RepositoryMissing, RepositoryInvalid, NotApplied, Unregistered, Unsupported,
        MissingExtra; of Tecton TectonKeyMissing, OnlineStoreUnavailable.
    """
    repository, opened = _source(workspace)
    lookups = {}
    rate = workspace.settings.features.log_sample_rate
    kept: list[ServedFile] = []
    if worker is not None:
        prune_served(workspace.home / "features", before_s=now_us() / 1e6 - _KEPT_S)
    for endpoint, config in workspace.settings.features.endpoints.items():
        plan = plan_of(config, repository)
        tally.expect(endpoint, plan)
        # The store gives up soon after the request has, so that its thread is free again.
        store = opened(timeout_s=2 * plan.deadline_s)
        if worker is not None and rate > 0:
            folder_of_rows = served_folder(workspace, endpoint)
            name = worker.replace("/", "-")
            kept.append(ServedFile(folder_of_rows, name=name, rate=rate, chance=random))
        lookups[endpoint] = EndpointLookup(
            BatchedReader(store, plan),
            plan,
            now_us=now_us,
            observe=partial(tally.count, endpoint),
            kept=kept[-1] if kept else None,
            failed=partial(tally.fail, endpoint),
        )
    return Lookups(lookups, kept)


class _Open(Protocol):
    """Opens an online store whose readings take so many seconds at most."""

    def __call__(self, *, timeout_s: float) -> OnlineStore: ...


def _source(workspace: Workspace) -> tuple[Repository, _Open]:
    """What is registered, and what opens its online store: Feast's, or Tecton's."""
    config = workspace.settings.features
    if config.tecton is None:
        folder = open_folder(folder_of(workspace).absolute())
        return folder.repository(), folder.open_online
    from seatrial.adapters.tecton import TectonWorkspace

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
    return tecton.repository(services), tecton.open_online


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
