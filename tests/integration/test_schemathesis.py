"""schemathesis against the OpenAPI document: what it describes is what is served."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from seatrial.adapters.labels.label_files import read_labels
from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.table import ModelTable, Route, Use
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.registry.signature import Signature
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore, ScriptedProvider
from seatrial.testing.billing_provider import WordCounter
from seatrial.testing.models import column_signature, live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.control import control_router
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.labels import labels_router
from seatrial.web.llm.plane import LlmPlane
from seatrial.web.site import site
from seatrial.web.watch import watch_router
from seatrial.wiring.watching.performance import LabelFiles

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN = "correct-horse"

load_all_checks()


@schemathesis.serializer("application/vnd.apache.parquet")
def as_bytes(_context: object, value: object) -> bytes:
    """No generator makes a table: whatever it makes is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


def described(signature: Signature) -> schemathesis.BaseSchema:
    plane = DataPlane(router_of(live_version(signature)), error_reply)
    return schemathesis.openapi.from_asgi("/openapi.json", build(plane))


def guarded() -> schemathesis.BaseSchema:
    """What needs the token: a version on trial, an alert that fires, labels that may come."""
    store, labels = MemoryStore(), Labels(endpoint="churn", kind="latency")
    found = Finding(labels=labels, level=Level.WARNING, what=Phrase("p95 is 250 ms."))
    AlertBook(store).observe([found], now=datetime.now(UTC))
    desk, guard = Desk(store), Guard(token=TOKEN)
    plan = ReleaseConfig().plan()
    desk.start("churn", version=1, digest="d1", target="production", plan=plan, by="test", notes={})
    files = LabelFiles(Path(mkdtemp()) / "labels")  # made when the first label comes
    app = site(
        DataPlane(router_of(live_version(matrix_signature())), error_reply),
        [
            control_router(desk, guard),
            watch_router(WatchDesk(store), guard),
            labels_router(
                LabelDesk(store, files, now=lambda: datetime.now(UTC)),
                guard,
                lambda body, key, label: read_labels(body, id_column=key, label_column=label),
            ),
        ],
        guard,
    )
    whole = schemathesis.openapi.from_asgi("/openapi.json", app)
    return whole.include(path_regex="^/api/")


def language_models() -> schemathesis.BaseSchema:
    """The routes of OpenAI and Anthropic, over a model that always answers."""
    provider = ScriptedProvider()
    routes = {
        name: Route(name=name, provider=provider, deadline_s=10, use=use, counter=WordCounter())
        for name, use in (("m", Use.CHAT), ("e", Use.EMBEDDING))
    }

    async def close() -> None:
        """Nothing is held."""

    gateway = Gateway(ModelTable(routes), now=time.monotonic, closing=close)
    desk = KeyDesk(MemoryStore(), now=lambda: datetime.now(UTC))
    doorman = Doorman(desk.ring, open=True, now=time.monotonic, wall=time.time)
    plane = DataPlane(router_of(live_version(matrix_signature())), error_reply)
    app = build(plane, streams=LlmPlane(gateway, doorman, Limits()))
    whole = schemathesis.openapi.from_asgi("/openapi.json", app)
    return whole.include(path_regex="^/v1/(chat|embeddings|messages|prompts|models$)")


def check(case: schemathesis.Case) -> None:
    # No schema says which strings are CSV with the right columns.
    excluded = [positive_data_acceptance] if case.media_type == "text/csv" else []
    case.call_and_validate(excluded_checks=excluded)


matrix = described(matrix_signature())
columns = described(column_signature())
control = guarded()
llm = language_models()
thorough = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@matrix.parametrize()
@thorough
def test_a_matrix_model_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)


@columns.parametrize()
@thorough
def test_a_model_of_columns_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)


@control.parametrize()
@thorough
def test_what_the_token_opens_is_served_as_described(case: schemathesis.Case) -> None:
    # No schema says which endpoints there are, nor which bytes are a table of labels.
    free = [positive_data_acceptance, negative_data_rejection]
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = case.call(headers=headers)
    case.validate_response(answer, excluded_checks=free, headers=headers)
    assert answer.status_code != 401


@llm.parametrize()
@thorough
def test_language_models_are_served_as_described(case: schemathesis.Case) -> None:
    # No schema says which models there are; fields that are not read pass on to the provider.
    free = [positive_data_acceptance, negative_data_rejection]
    headers = {"host": "localhost"}
    answer = case.call(headers=headers)
    case.validate_response(answer, excluded_checks=free, headers=headers)
