"""The monitor process of a server: watches every endpoint until the supervisor is gone."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from pathlib import Path

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.segment_monitor import SegmentMonitor
from seatrial.monitoring.watching.server_monitor import ServerMonitor
from seatrial.monitoring.watching.watch import Watch
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.wiring.settings import Settings
from seatrial.wiring.watching.counting import profile_of
from seatrial.wiring.watching.notifiers import couriers_of
from seatrial.wiring.watching.performance import Performances
from seatrial.wiring.watching.segment_watches import SegmentWatches
from seatrial.wiring.workspace import Workspace

_TICK_S = 1.0


def watched_for(settings: Settings) -> MonitoringConfig:
    """What is watched: with the triggers of retrainings, each for its own endpoint."""
    own = [
        trigger.model_copy(update={"endpoints": (one.endpoint or name,)})
        for name, one in settings.retraining.items()
        for trigger in one.triggers_here
    ]
    config = settings.monitoring
    return config.model_copy(update={"triggers": (*config.triggers, *own)}) if own else config


class Watches:
    """Makes the watch of a version from the profile in its bundle; see `OpenWatch`.

    Args:
        log: where versions are registered.
        bundles: one folder per digest.
        config: what is asked of a window.
    """

    def __init__(self, log: FactLog, bundles: Path, config: MonitoringConfig) -> None:
        self._log = log
        self._bundles = bundles
        self._rules = config.rules()

    def __call__(self, endpoint: str, version: int) -> Watch | None:
        """The watch; None where the version was packaged without a sample.

        Raises: ModelUnknown, VersionUnknown; BundleNotFound, BundleTampered and their kin;
            ProfileUnreadable.
        """
        digest = get(self._log, endpoint, version).digest
        profile = profile_of(Bundle.open(self._bundles / digest, digest=digest))
        return None if profile is None else Watch(profile, self._rules)


def run_monitor(workspace: Workspace, stop: threading.Event) -> None:
    """Watch until ``stop`` is set.

    Raises: SecretMissing, SinkInvalid: the configuration of a sink; nothing is watched then.
    """
    clock, config = SystemClock(), watched_for(workspace.settings)
    store = workspace.open_store()
    couriers = couriers_of(config.notify, store, env=os.environ, clock=clock)
    book = AlertBook(store, timing=config.alerts.timing)
    troubles = Troubles(logging.getLogger(__name__), clock)
    monitor = ServerMonitor(
        store,
        clock=clock,
        config=config,
        open_watch=Watches(store, workspace.bundles, config),
        alarms=Alarms(
            book,
            couriers,
            clock=clock,
            silences=config.alerts.all_silences(),
            during_release=config.alerts.during_release,
        ),
        book=book,
        holder=f"{os.getpid()}-{secrets.token_hex(4)}",
        troubles=troubles,
        performance=PerformanceMonitor(
            store,
            clock=clock,
            opened=Performances(
                store,
                workspace,
                config.performance,
                budget_windows=config.drift.budget_windows,
            ),
            wait_s=config.performance.wait,
            troubles=troubles,
        )
        if config.performance.enabled
        else None,
        segments=SegmentMonitor(
            store,
            clock=clock,
            opened=SegmentWatches(store, workspace),
            troubles=troubles,
        ),
    )
    try:
        while not stop.is_set():
            monitor.tick()
            stop.wait(_TICK_S)
    finally:
        monitor.close()
        couriers.close()
        store.close()
