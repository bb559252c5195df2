"""schemathesis against the OpenAPI document: what it describes is what is served."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from seatrial.serving.plane import DataPlane
from seatrial.testing.models import column_signature, live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def app() -> object:
    plane = DataPlane(
        router_of(
            live_version(matrix_signature()), live_version(column_signature(), endpoint="col")
        ),
        error_reply,
    )
    return build(plane)


schema = schemathesis.openapi.from_asgi("/openapi.json", app())


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_described_is_what_is_served(case: schemathesis.Case) -> None:
    case.call_and_validate()
