"""The features of endpoints in a worker: opened once, from configuration and snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import random
from typing import TYPE_CHECKING

from seatrial.adapters.feast_repository import open_folder
from seatrial.adapters.served_features import ServedFile, prune_served
from seatrial.features.batched import BatchedReader
from seatrial.features.lookup import EndpointLookup, Lookups
from seatrial.features.plan import plan_of
from seatrial.features.tally import Tally, exposition
from seatrial.wiring.feature_skew import served_folder
from seatrial.wiring.features import folder_of, now_us

if TYPE_CHECKING:
    from seatrial.serving.worker import Beside
    from seatrial.wiring.workspace import Workspace


_KEPT_S = 30 * 86_400.0
"""How long what was looked up is kept."""


def open_lookups(workspace: Workspace, tally: Tally, *, worker: str | None = None) -> Lookups:
    """The lookups of every endpoint that the section `features` names; nothing is connected yet.

    Args: worker: under whose name a sample of what is looked up is kept; None for none.
    Raises: RepositoryMissing, RepositoryInvalid, NotApplied, Unregistered, Unsupported,
        MissingExtra.
    """
    folder = open_folder(folder_of(workspace).absolute())
    repository = folder.repository()
    lookups = {}
    rate = workspace.settings.features.log_sample_rate
    kept: list[ServedFile] = []
    if worker is not None:
        prune_served(workspace.home / "features", before_s=now_us() / 1e6 - _KEPT_S)
    for endpoint, config in workspace.settings.features.endpoints.items():
        plan = plan_of(config, repository)
        tally.expect(endpoint, plan)
        # The store gives up soon after the request has, so that its thread is free again.
        store = folder.open_online(timeout_s=2 * plan.deadline_s)
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
