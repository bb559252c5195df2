"""docs/reference/routes.md: what the server answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from fastapi import APIRouter
from fastapi.routing import APIRoute

from pages.text import page, table
from seatrial.events.config import EventsConfig
from seatrial.events.desk import EventDesk
from seatrial.experiments.desk import ExperimentDesk
from seatrial.features.desk import FeatureDesk
from seatrial.features.view import Repository
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.gate_desk import GateDesk
from seatrial.serving.routes import PATTERNS
from seatrial.testing.memory_ledger import MemoryLedger
from seatrial.testing.memory_store import MemoryStore
from seatrial.training.retraining.desk import Retrainings
from seatrial.training.runs.desk import RunDesk
from seatrial.web.control import control_router
from seatrial.web.events import events_router
from seatrial.web.experiments import experiments_router
from seatrial.web.features import features_router
from seatrial.web.gates import gates_router
from seatrial.web.guard import Guard
from seatrial.web.knowledge.description import ROUTES as KNOWLEDGE
from seatrial.web.labels import labels_router
from seatrial.web.llm.description import ASKED, ROUTES, TOLD
from seatrial.web.openapi import _HEADERS as HEADERS
from seatrial.web.openapi import _SUMMARIES as SUMMARIES
from seatrial.web.retraining import retraining_router
from seatrial.web.runs import runs_router
from seatrial.web.spend import spend_router
from seatrial.web.watch import watch_router
from seatrial.wiring.watching.performance import LabelFiles

OPEN = Guard(token=None)

_NOBODY = cast("Retrainings", None)
"""Routes are listed, and none is called."""


def routes_page() -> str:
    """The data plane, the headers it reads, and the control routes."""
    data = [[p.method, f"`{p.path}`", SUMMARIES[p.kind]] for p in PATTERNS]
    headers = [[f"`{name}`", text] for name, text in HEADERS]
    return page(
        "Routes",
        [
            "What `seatrial up` answers. A running server describes itself, with a schema for",
            "each model that is served, at `/openapi.json` and, for people, `/docs`. The",
            "console is at `/`.",
        ],
        ["## Predictions and health"],
        table(["method", "path", ""], data),
        [
            "A path that names a version asks that version alone. Without one, the split",
            "decides. Headers:",
        ],
        table(["header", "meaning"], headers),
        ["Every prediction carries `x-seatrial-version`, the version that answered."],
        ["## Language models"],
        [
            "Where the section `gateway` names models. Clients of OpenAI and of Anthropic find",
            "their own routes; either reaches every model. A key goes into `Authorization:",
            "Bearer KEY` or `x-api-key`.",
        ],
        table(["method", "path", ""], [[m, f"`{path}`", text] for m, path, text in ROUTES]),
        ["Headers they read:"],
        table(["header", "meaning"], [[f"`{name}`", text] for name, text in ASKED]),
        ["Headers of their replies:"],
        table(["header", "meaning"], [[f"`{name}`", text] for name, text in TOLD]),
        ["## Documents that can be asked"],
        [
            "Where the section `knowledge` names indexes. Keys are those of language models; a key",
            "for the model `rag/NAME` asks the index NAME, and finds what its groups may read. See",
            "[Ask documents](../how-to/ask-documents.md).",
        ],
        table(["method", "path", ""], [[m, f"`{path}`", text] for m, path, text in KNOWLEDGE]),
        ["## Control"],
        [
            "Open to this machine alone while the server has no `SEATRIAL_TOKEN`; with one, to",
            "whoever sends `Authorization: Bearer TOKEN`. Bodies are JSON with an optional",
            "`reason` and `by`, and `to` for a rollback.",
        ],
        table(["method", "path", ""], _listed(control_router(Desk(MemoryStore()), OPEN))),
        ["## Judge"],
        [
            "Verdicts for whoever steers a rollout; guarded likewise. See",
            "[Release on Kubernetes](../how-to/kubernetes.md#evidence-for-argo).",
        ],
        table(["method", "path", ""], _listed(gates_router(_judge(), OPEN))),
        ["## Watch"],
        ["Alerts and what is answered to them; guarded likewise."],
        table(["method", "path", ""], _listed(watch_router(WatchDesk(MemoryStore()), OPEN))),
        ["## Experiments"],
        [
            "A/B tests on the traffic of endpoints; guarded likewise. The page is at",
            "`/experiments`. See [Run an A/B test](../how-to/experiments.md).",
        ],
        table(["method", "path", ""], _listed(_experiments())),
        ["## Spending"],
        [
            "What calls of language models cost, where the section `gateway` names models; guarded",
            "likewise. The page is at `/llm`. See [what was spent](../how-to/gateway.md).",
        ],
        table(["method", "path", ""], _listed(_spending())),
        ["## Training"],
        [
            "Runs of trainings; guarded likewise. The pages are at `/runs`. See",
            "[Train a model](../how-to/train.md).",
        ],
        table(["method", "path", ""], _listed(runs_router(RunDesk(MemoryStore()), OPEN))),
        ["## Retraining"],
        [
            "Where the section `retraining` has some; guarded likewise. The pages are at",
            "`/retraining`. See [Train a model anew](../how-to/retraining.md).",
        ],
        table(["method", "path", ""], _listed(retraining_router(_NOBODY, OPEN))),
        ["## Features"],
        [
            "How features stand, where the section `features` names endpoints; guarded likewise.",
            "The page is at `/features`. See [Use features from Feast](../how-to/features.md).",
        ],
        table(["method", "path", ""], _listed(_features())),
        ["## Events"],
        [
            "Where the section `events` has a broker; guarded likewise. The page is at",
            "`/events`. See [Send events and take them in](../how-to/events.md).",
        ],
        table(["method", "path", ""], _listed(_events())),
        ["## Labels"],
        [
            "What came true, for predictions that were logged; guarded likewise. See",
            "[Hand in labels](../how-to/labels.md).",
        ],
        table(["method", "path", ""], _listed(_labels())),
    )


def _judge() -> GateDesk:
    return GateDesk(Desk(MemoryStore()), lambda _name: ReleaseConfig().gates.gates(), None)


def _experiments() -> APIRouter:
    desk = ExperimentDesk(MemoryStore(), now=SystemClock().now)
    return experiments_router(desk, OPEN, lambda _: [])


def _events() -> APIRouter:
    return events_router(EventDesk(MemoryStore(), EventsConfig()), OPEN)


def _spending() -> APIRouter:
    desk = SpendDesk(MemoryLedger(), (), lambda ring: ring, wall=time.time, now=time.monotonic)
    return spend_router(desk, OPEN)


def _features() -> APIRouter:
    desk = FeatureDesk(
        lambda: Repository(project="", views=()),
        {},
        MemoryStore(),
        compared=lambda _: None,
        now_s=time.time,
    )
    return features_router(desk, WatchDesk(MemoryStore()), OPEN)


def _labels() -> APIRouter:
    desk = LabelDesk(MemoryStore(), LabelFiles(Path()), now=SystemClock().now)
    return labels_router(desk, OPEN, lambda *_: [])


def _listed(router: APIRouter) -> Iterator[list[str]]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            methods = ", ".join(sorted(route.methods))
            yield [methods, f"`{route.path}`", route.summary or ""]
