"""The routes of a worker about registries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Store
from seatrial.training.following.desk import RegistryDesk
from seatrial.training.following.nudges import Nudges
from seatrial.web.guard import Guard
from seatrial.web.registry import registry_router, webhook_router
from seatrial.wiring.registry.registries import own_registry
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from fastapi import APIRouter


def registry_desk(workspace: Workspace, store: Store) -> RegistryDesk:
    """The desk of a worker."""
    return RegistryDesk(store, own_registry(workspace, store), workspace.settings.registry)


def registry_routers(
    workspace: Workspace, store: Store, desk: RegistryDesk, guard: Guard, *, worker: str
) -> list[APIRouter]:
    """What a worker answers about registries.

    Args: worker: its name.
    """
    config = workspace.settings.registry
    nudges = Nudges(
        store,
        name=worker,
        secret=os.environ.get(config.webhook_secret_env),
        variable=config.webhook_secret_env,
        clock=SystemClock(),
    )
    return [registry_router(desk, guard), webhook_router(nudges)]
