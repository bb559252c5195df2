"""The page of features in a real browser, over a server that looks them up in Feast's file."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chromium import LOOKS, visited
from playwright.sync_api import Browser, expect

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.features.snapshot import to_record
from seatrial.features.view import (
    Field,
    Origin,
    Reference,
    Repository,
    Service,
    ValueType,
    View,
)
from tests.conformance.feast_rows import SqliteRows
from tests.journeys.conftest import FEATURES, NAME, PATH, Home, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DAY_S = 86_400
VIEW = View(
    name="flower_stats",
    online_name="flower_stats",
    join_keys=(Field("flower_id", ValueType.INT64),),
    features=(Field("sepal_length", ValueType.DOUBLE),),
    ttl_us=2 * DAY_S * 10**6,
)
REST = dict.fromkeys(FEATURES[1:], 1.5)


def applied(folder: Path, view: View = VIEW) -> None:
    """As `seatrial features apply` leaves it."""
    origin = Origin(
        kind="FileSource",
        name="flowers",
        place="data/flowers.parquet",
        materialized_us=(round(time.time()) - DAY_S) * 10**6,
    )
    repository = Repository(
        project="flowers",
        views=(view,),
        services=(Service(name="shape", features=(Reference("flower_stats", "sepal_length"),)),),
        origins={"flower_stats": origin},
    )
    open_folder(folder).keep(to_record(repository))


@pytest.fixture(scope="module")
def served(bundles: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, str]]:
    home = Home(tmp_path_factory.mktemp("flowers"))
    repository = home.folder / "features"
    (repository / "data").mkdir(parents=True)
    (repository / "feature_store.yaml").write_text("project: flowers\n")
    applied(repository)
    rows = SqliteRows(repository / "data" / "online.db", "flowers", VIEW)
    now_us = round(time.time()) * 10**6
    for flower in range(60):
        age_us = (3 if flower < 6 else 1) * DAY_S * 10**6
        rows.write((flower,), now_us - age_us, {"sepal_length": 4.5 + flower / 20})
    lookup = {"service": "shape", "deadline": "5s"}
    home.configure(features={"repository": str(repository), "endpoints": {NAME: lookup}})
    home.in_production(bundles.onnx())
    up = home.up()
    until("the server is up", lambda: home.settled(1))
    yield home, f"http://127.0.0.1:{up.port}"
    home.close()


def predict(address: str, flower: int) -> int:
    body = {"instances": [{"entity": {"flower_id": flower}, **REST}]}
    request = urllib.request.Request(f"{address}{PATH}", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def told(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/api/features") as answer:
        whole: dict[str, Any] = json.load(answer)
    found: dict[str, Any] = whole["endpoints"][0]["features"][0]
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_a_person_sees_how_features_stand(
    served: tuple[Home, str], browser: Browser, look: str
) -> None:
    _, address = served
    if not told(address)["n"]:
        statuses = [predict(address, flower) for flower in range(80)]
        assert {n: statuses.count(n) for n in set(statuses)} == {200: 54, 503: 6, 404: 20}
        until("workers said what they counted", lambda: told(address)["n"] == 80)
    with visited(browser, LOOKS[look]) as visit:
        page, zh = visit.page, "zh" in look
        page.goto(f"{address}/features")
        expect(page.locator("h1")).to_have_text("特征" if zh else "Features")
        row = page.locator("tr", has_text="flower_stats:sepal_length")
        expect(row).to_contain_text("4.8 … 7.45")
        expect(row.locator(".bad")).to_have_count(2)
        expect(page.locator("main")).to_contain_text("data/flowers.parquet")
        assert visit.fits()
        visit.shoot(f"features-{look}")
        visit.check()


def test_what_is_applied_is_served_and_shown_without_a_restart(
    served: tuple[Home, str], visit: Any
) -> None:
    home, address = served
    visit.page.goto(address)
    visit.page.locator("header .section[href='/features']").click()
    visit.page.wait_for_url("**/features")
    assert predict(address, 1) == 503
    applied(home.folder / "features", replace(VIEW, ttl_us=9 * DAY_S * 10**6))
    until("the longer TTL is served", lambda: predict(address, 1) == 200, patience_s=20)
    expect(visit.page.locator("main")).to_contain_text("counts 9 d", timeout=20_000)
    visit.check()
