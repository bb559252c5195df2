"""Makes the lookup of an endpoint from its plan and from where values are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import random
from typing import Any, Protocol

from seatrial.adapters.features.feast_repository import FeastFolder
from seatrial.adapters.features.served_features import ServedFile
from seatrial.features.batched import BatchedReader
from seatrial.features.lookup import EndpointLookup, Lookups
from seatrial.features.online import OnlineStore
from seatrial.features.plan import Plan, plan_of
from seatrial.features.tally import Tally
from seatrial.features.view import Repository
from seatrial.wiring.features.commands import now_us
from seatrial.wiring.features.skew import served_folder
from seatrial.wiring.workspace import Workspace


class _Open(Protocol):
    """Opens an online store whose readings take so many seconds at most."""

    def __call__(self, *, timeout_s: float) -> OnlineStore: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is registered, and where its values are read.

    Args:
        opened: opens the online store.
        online: its settings; a change of them calls for another store.
    """

    repository: Repository
    opened: _Open
    online: Mapping[str, Any]


class Opener:
    """Makes the lookups of endpoints, and makes them anew when what is registered changes.

    Args:
        workspace: names the endpoints.
        tally: counts what they find.
        worker: under whose name a sample of what is looked up is kept; None for none.
    """

    def __init__(self, workspace: Workspace, tally: Tally, worker: str | None) -> None:
        self.config = workspace.settings.features
        self.tally = tally
        rate = self.config.log_sample_rate
        self.kept: dict[str, ServedFile] = {}
        if worker is not None and rate > 0:
            for endpoint in self.config.endpoints:
                folder = served_folder(workspace, endpoint)
                name = worker.replace("/", "-")
                self.kept[endpoint] = ServedFile(folder, name=name, rate=rate, chance=random)

    def plans(self, repository: Repository) -> dict[str, Plan]:
        """Of every endpoint.   Raises: Unregistered, Unsupported, RepositoryInvalid."""
        endpoints = self.config.endpoints
        return {name: plan_of(config, repository) for name, config in endpoints.items()}

    def lookups(self, source: Source) -> Lookups:
        """Of every endpoint.   Raises: as `plans` and `lookup`."""
        plans = self.plans(source.repository)
        found = {name: self.lookup(name, plan, source) for name, plan in plans.items()}
        return Lookups(found, tuple(self.kept.values()))

    def lookup(self, endpoint: str, plan: Plan, source: Source) -> EndpointLookup:
        """Of an endpoint from now on; nothing is connected yet.   Raises: MissingExtra."""
        # The store gives up soon after the request has, so that its thread is free again.
        store = source.opened(timeout_s=2 * plan.deadline_s)
        self.tally.expect(endpoint, plan)
        return EndpointLookup(
            BatchedReader(store, plan),
            plan,
            now_us=now_us,
            observe=partial(self.tally.count, endpoint),
            kept=self.kept.get(endpoint),
            failed=partial(self.tally.fail, endpoint),
        )


def source_of(folder: FeastFolder) -> Source:
    """Of a Feast repository.   Raises: NotApplied, RepositoryInvalid."""
    return Source(repository=folder.repository(), opened=folder.open_online, online=folder.online)
