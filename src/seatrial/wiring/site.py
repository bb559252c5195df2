"""What people use of a server: the control routes of its parts, and the console over them.

A part that is not configured is not loaded, and has neither routes nor pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seatrial.adapters.labels.label_files import read_labels
from seatrial.adapters.labels.outcome_files import read_outcomes
from seatrial.experiments.entries import MAX_ENTRIES
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Store
from seatrial.monitoring.performance.label_desk import MAX_LABELS, LabelDesk
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.training.runs.desk import RunDesk
from seatrial.web.console.pages import console_router
from seatrial.web.control import control_router
from seatrial.web.experiments import experiments_router
from seatrial.web.gates import gates_router
from seatrial.web.guard import Guard
from seatrial.web.labels import labels_router
from seatrial.web.runs import runs_router
from seatrial.web.watch import watch_router
from seatrial.wiring.evaluation.cards import card_page
from seatrial.wiring.experiments import experiment_desk
from seatrial.wiring.judging import judge_desk
from seatrial.wiring.model_views import ModelViews
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from fastapi import APIRouter

    from seatrial.events.desk import EventDesk
    from seatrial.features.desk import FeatureDesk
    from seatrial.gateway.spend.desk import SpendDesk
    from seatrial.rag.knowledge.desk import KnowledgeDesk
    from seatrial.training.following.desk import RegistryDesk
    from seatrial.training.retraining.desk import Retrainings
    from seatrial.wiring.features.lookups import Opened
    from seatrial.wiring.knowledge.here import KnowledgeHere


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The parts of a server that people see.

    Args:
        worker: the name of the process, in what it counts.
        looked_up: features that are looked up for predictions; None where none are.
        indexes: those of documents that are open here; None where there are none.
        to_close: gets what has to be closed at the end.
    """

    workspace: Workspace
    store: Store
    guard: Guard
    worker: str
    looked_up: Opened | None
    indexes: KnowledgeHere | None
    to_close: list[Callable[[], None]]

    def routers(self) -> list[APIRouter]:
        """Those of every part, and the console."""
        store, guard = self.store, self.guard
        desk, watch, runs = Desk(store), WatchDesk(store), RunDesk(store)
        experiments = experiment_desk(store)
        labels = LabelDesk(store, LabelFiles(self.workspace.labels), now=SystemClock().now)
        spend, spending = self._spending()
        features, of_features = self._features(watch)
        retraining, of_retraining = self._retraining()
        registry, of_registry = self._registry()
        events, of_events = self._events()
        return [
            control_router(desk, guard),
            gates_router(judge_desk(self.workspace, desk), guard),
            watch_router(watch, guard),
            labels_router(
                labels,
                guard,
                lambda body, key, label: read_labels(
                    body, id_column=key, label_column=label, max_rows=MAX_LABELS
                ),
            ),
            experiments_router(
                experiments, guard, lambda body: read_outcomes(body, max_rows=MAX_ENTRIES)
            ),
            runs_router(runs, guard),
            *of_retraining,
            *of_registry,
            *spending,
            *of_features,
            *of_events,
            console_router(
                desk,
                watch,
                guard,
                experiments=experiments,
                spend=spend,
                knowledge=self._knowledge(),
                retraining=retraining,
                registry=registry,
                card=partial(card_page, self.workspace),
                models=ModelViews(self.workspace, store),
                training=runs,
                features=features,
                events=events,
            ),
        ]

    def _spending(self) -> tuple[SpendDesk | None, list[APIRouter]]:
        if not self.workspace.settings.gateway.models:
            return None, []
        from seatrial.web.spend import spend_router
        from seatrial.wiring.spend import spend_desk, spend_ledger

        ledger = spend_ledger(self.workspace)
        self.to_close.append(ledger.close)
        desk = spend_desk(self.workspace, self.store, ledger)
        return desk, [spend_router(desk, self.guard)]

    def _features(self, watch: WatchDesk) -> tuple[FeatureDesk | None, list[APIRouter]]:
        if self.looked_up is None:
            return None, []
        from seatrial.web.features import features_router
        from seatrial.wiring.features.desk import feature_desk

        fixed = self.looked_up.repository if self.looked_up.renewal is None else None
        desk = feature_desk(self.workspace, self.store, fixed)
        return desk, [features_router(desk, watch, self.guard)]

    def _knowledge(self) -> KnowledgeDesk | None:
        if self.indexes is None:
            return None
        from seatrial.wiring.knowledge.desk import WorkspaceKnowledge

        return WorkspaceKnowledge(self.workspace, self.indexes, self.store)

    def _retraining(self) -> tuple[Retrainings | None, list[APIRouter]]:
        if not self.workspace.settings.retraining:
            return None, []
        from seatrial.web.retraining import retraining_router
        from seatrial.wiring.retraining.desk import RetrainingDesk

        desk = RetrainingDesk(self.workspace, self.store)
        return desk, [retraining_router(desk, self.guard)]

    def _events(self) -> tuple[EventDesk | None, list[APIRouter]]:
        if self.workspace.settings.events.broker is None:
            return None, []
        from seatrial.events.desk import EventDesk
        from seatrial.web.events import events_router

        desk = EventDesk(self.store, self.workspace.settings.events)
        return desk, [events_router(desk, self.guard)]

    def _registry(self) -> tuple[RegistryDesk | None, list[APIRouter]]:
        if not self.workspace.settings.registry.models:
            return None, []
        from seatrial.wiring.registry.routes import registry_desk, registry_routers

        desk = registry_desk(self.workspace, self.store)
        routers = registry_routers(self.workspace, self.store, desk, self.guard, worker=self.worker)
        return desk, routers
