"""One town gets worse while the others do not: the server names it, from logged requests alone."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.workspace import open_workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOWNS = np.array(["Oslo", "Lima", "Wuhan"], dtype=object)
BATCH = 25
ROWS = 600


def drawn(seed: int, n: int, *, wrong: str = "", moved: str = "") -> tuple[Any, NDArray[np.int64]]:
    """Rows and what comes true; in one town by a coin, and in one the second column moves."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    a, b, town = rng.normal(size=n), rng.normal(size=n), TOWNS[rng.integers(0, 3, n)]
    b[town == moved] += 1.5
    y = (3.0 * a + rng.logistic(size=n) > 0).astype(np.int64)
    y[town == wrong] = rng.integers(0, 2, n)[town == wrong]
    return pd.DataFrame({"a": a, "b": b, "town": town}), y


def deployed(home: Any, name: str, folder: Path) -> None:
    """A classifier in production whose reference is kept by town."""
    import joblib
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    for seed in (1, 2):
        rows, y = drawn(seed, 5_000)
        rows.assign(y=y).to_parquet(folder / f"{seed}.parquet")
    rows, y = drawn(1, 5_000)
    coded = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    joblib.dump(make_pipeline(coded, LogisticRegression()).fit(rows, y), folder / "m.pkl")
    order = Order(
        model=folder / "m.pkl",
        name=name,
        data=folder / "1.parquet",
        label="y",
        holdout=folder / "2.parquet",
        segments=("town",),
        target="production",
    )
    placed = deploy_order(
        open_workspace(home=home.folder, config=home.config, environment={}),
        order,
        on_step=lambda *_: None,
        on_progress=lambda *_: None,
    )
    placed.store.close()
    home.say("staging.passed", reason="fine", report={})
    home.say("release.promoted", reason="the first")


def asked(port: int, path: str, body: object) -> tuple[Any, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, json.dumps(body))
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == 200, content
        return json.loads(content), reply.getheader("x-request-id") or ""
    finally:
        connection.close()


def predicted(port: int, path: str, rows: Any, y: NDArray[np.int64]) -> list[dict[str, object]]:
    """Ask for all rows; the labels that will come of them."""
    found: list[dict[str, object]] = []
    for start in range(0, len(rows), BATCH):
        part = rows.iloc[start : start + BATCH].to_dict("records")
        _, key = asked(port, path, {"instances": part})
        labels = y[start : start + BATCH].tolist()
        found += [{"id": f"{key}/{i}", "label": label} for i, label in enumerate(labels)]
    return found


def test_the_town_that_gets_worse_and_the_one_that_moves_are_named(
    home: Any, lab: Any, tmp_path: Path
) -> None:
    home.configure(
        server={"log_sample_rate": 1.0, "log_every": "1s"},
        monitoring={
            "windows": {"every": "1s", "least_rows": ROWS},
            "performance": {"window_rows": ROWS},
        },
    )
    (tmp_path / "given").mkdir()
    deployed(home, lab.NAME, tmp_path / "given")
    up = home.up()
    lab.until("the worker", lambda: home.settled(1))
    labels = f"/api/endpoints/{lab.NAME}/labels"

    def view() -> dict[str, Any]:
        found: dict[str, Any] = asked(up.port, f"/api/endpoints/{lab.NAME}/watch", None)[0]
        return found

    def seen() -> int:
        return int(view()["performance"].get("1", {"n_seen": 0})["n_seen"])

    def firing() -> dict[str, Any]:
        return {a["labels"]["kind"]: a for a in view()["alerts"] if a["phase"] == "firing"}

    given: list[dict[str, object]] = []
    for round_, more in enumerate([{}, {"wrong": "Lima", "moved": "Wuhan"}]):
        given = predicted(up.port, lab.PATH, *drawn(3 + round_, 2 * ROWS, **more))
        lab.until("the rows", lambda n=2 * ROWS * (round_ + 1): seen() == n)
        asked(up.port, labels, given)
        if not round_:
            lab.until("the first labels", lambda: view()["performance"]["1"]["n_labelled"] > 0)
            assert not {kind for kind in firing() if kind.startswith("segment_")}
    lab.until("both alerts", lambda: {"segment_drift", "segment_performance"} <= set(firing()))
    alerts = firing()
    assert alerts["segment_drift"]["finding"]["segments"] == ["town=Wuhan"]
    assert alerts["segment_performance"]["finding"]["segments"] == ["town=Lima"]
    assert alerts["segment_drift"]["finding"]["features"][0] == "b"

    def listed() -> set[str]:
        return {s["value"] for s in view()["segments"]["1"]["segments"]}

    # An alarm is raised before the window it came of is kept: what is kept was told.
    lab.until("the window by town", lambda: listed() == set(TOWNS))
    assert "segment_estimated_performance" not in alerts  # scores cannot see what labels see
