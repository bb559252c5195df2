"""What a worker shall serve, as the facts of a store say."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from seatrial.kernel.store import Store
from seatrial.release.endpoint import EndpointTarget
from seatrial.release.projection import Endpoints

_log = logging.getLogger(__name__)


class TargetsOf:
    """What the facts of a store say shall be served; see `serving.worker.Targets`."""

    def __init__(self, store: Store) -> None:
        self._endpoints = Endpoints(store)
        self._told: set[str] = set()

    def __call__(self) -> Mapping[str, EndpointTarget]:
        """The newest target of every endpoint that serves something.

        Of one whose facts cannot all be read, the target before the first that cannot.
        """
        self._endpoints.refresh()
        states = [self._endpoints.get(name) for name in self._endpoints.names()]
        for state in states:
            if state.unreadable is not None and state.name not in self._told:
                self._told.add(state.name)
                _log.warning("%s goes on as it is: %s", state.name, state.unreadable.problem)
        targets = {state.name: state.target for state in states}
        return {name: target for name, target in targets.items() if target.split.versions}
