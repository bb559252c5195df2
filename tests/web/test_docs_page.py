"""The page of the routes."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.testing import MemoryStore
from seatrial.testing.models import matrix_signature
from seatrial.training.runs.desk import RunDesk
from seatrial.web.control import control_router
from seatrial.web.docs_page import page
from seatrial.web.guard import Guard
from seatrial.web.labels import labels_router
from seatrial.web.openapi import document
from seatrial.web.runs import runs_router
from seatrial.web.watch import watch_router
from seatrial.wiring.watching.performance import LabelFiles


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of a server with one model and every router."""
    app, guard, store = FastAPI(), Guard(token=None), MemoryStore()
    app.include_router(control_router(Desk(store), guard))
    app.include_router(watch_router(WatchDesk(store), guard))
    app.include_router(runs_router(RunDesk(store), guard))
    labels = LabelDesk(store, LabelFiles(tmp_path_factory.mktemp("labels")), now=SystemClock().now)
    app.include_router(labels_router(labels, guard, lambda *_: []))
    described = document([("churn", [1, 2], matrix_signature())])
    described["paths"].update(app.openapi()["paths"])
    return described


def test_every_tag_is_described_and_every_operation_has_one(described: dict[str, Any]) -> None:
    known = {tag["name"] for tag in described["tags"]}
    used = {
        tag
        for operations in described["paths"].values()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    assert used == known
    assert all(len(tag["description"]) > 20 for tag in described["tags"])


def test_every_route_is_on_the_page_once_and_with_what_it_does(described: dict[str, Any]) -> None:
    text = page(described)
    for path, operations in described["paths"].items():
        assert text.count(f"<code>{path}</code>") == len(operations), path
        for operation in operations.values():
            assert operation["summary"]


def test_the_page_has_a_title_and_a_way_back_and_no_other_address(
    described: dict[str, Any],
) -> None:
    text = page(described)
    assert "<title>seatrial" in text
    assert '<a href="./">← Console</a>' in text
    assert "http" not in text
    assert "<script" not in text


def test_what_is_in_the_document_is_text(described: dict[str, Any]) -> None:
    hostile = {"get": {"summary": "<b>x</b>", "tags": ["server"]}}
    text = page(described | {"paths": {"/<i>": hostile}})
    assert "<b>" not in text
    assert "<i>" not in text


def test_a_heading_without_routes_is_left_out(described: dict[str, Any]) -> None:
    assert "<h2>" not in page(described | {"paths": {}})
