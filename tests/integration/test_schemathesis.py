"""schemathesis against the OpenAPI document: what it describes is what is served."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import schemathesis
from fastapi import FastAPI, Request, Response
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.registry.signature import Signature
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import column_signature, live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.watch import watch_router

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN = "correct-horse"

load_all_checks()


def described(signature: Signature) -> schemathesis.BaseSchema:
    plane = DataPlane(router_of(live_version(signature)), error_reply)
    return schemathesis.openapi.from_asgi("/openapi.json", build(plane))


def watched() -> schemathesis.BaseSchema:
    """The routes of the watch over a store with an alert that fires."""
    store, labels = MemoryStore(), Labels(endpoint="churn", kind="latency")
    found = Finding(labels=labels, level=Level.WARNING, what=Phrase("p95 is 250 ms."))
    AlertBook(store).observe([found], now=datetime.now(UTC))
    app = FastAPI(openapi_url="/openapi.json")
    app.include_router(watch_router(WatchDesk(store), Guard(token=TOKEN)))

    @app.exception_handler(SeatrialError)
    def refuse(request: Request, error: SeatrialError) -> Response:
        reply = error_reply(error, request.url.path)
        return Response(reply.body, reply.status, media_type="application/json")

    return schemathesis.openapi.from_asgi("/openapi.json", app)


def check(case: schemathesis.Case) -> None:
    # No schema says which strings are CSV with the right columns.
    excluded = [positive_data_acceptance] if case.media_type == "text/csv" else []
    case.call_and_validate(excluded_checks=excluded)


matrix = described(matrix_signature())
columns = described(column_signature())
watch = watched()
thorough = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@matrix.parametrize()
@thorough
def test_a_matrix_model_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)


@columns.parametrize()
@thorough
def test_a_model_of_columns_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)


@watch.parametrize()
@thorough
def test_whatever_is_asked_of_the_watch_is_answered_and_never_by_a_fault(
    case: schemathesis.Case,
) -> None:
    answer = case.call(headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code < 500
    assert answer.status_code != 403
