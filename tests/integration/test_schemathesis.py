"""schemathesis against the OpenAPI document: what it describes is what is served."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from seatrial.registry.signature import Signature
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import column_signature, live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply

pytestmark = [pytest.mark.integration, pytest.mark.slow]

load_all_checks()


def described(signature: Signature) -> schemathesis.BaseSchema:
    plane = DataPlane(router_of(live_version(signature)), error_reply)
    return schemathesis.openapi.from_asgi("/openapi.json", build(plane))


def check(case: schemathesis.Case) -> None:
    # No schema says which strings are CSV with the right columns.
    excluded = [positive_data_acceptance] if case.media_type == "text/csv" else []
    case.call_and_validate(excluded_checks=excluded)


matrix = described(matrix_signature())
columns = described(column_signature())
thorough = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@matrix.parametrize()
@thorough
def test_a_matrix_model_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)


@columns.parametrize()
@thorough
def test_a_model_of_columns_is_served_as_described(case: schemathesis.Case) -> None:
    check(case)
