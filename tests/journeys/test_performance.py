"""A classifier gets worse: the estimate says so before labels do, whatever is killed meanwhile."""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.workspace import open_workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WINDOW_ROWS = 300
BATCH = 10


def drawn(seed: int, n: int, *, near: bool = False) -> tuple[NDArray[np.float64], list[int]]:
    """Rows and what comes true; near the model's boundary it can know less, and knows that."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) * (0.25 if near else 1.0)
    return x, (x @ [2.5, -1.5, 0.5] + rng.logistic(size=n) > 0).astype(int).tolist()


def deployed(home: Any, lab: Any, folder: Path) -> None:
    """A classifier in production, deployed with labelled rows it was not trained on."""
    import joblib
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    frames = []
    for seed in (1, 2):
        x, y = drawn(seed, 3_000)
        frames.append(pd.DataFrame(x, columns=list("abc")).assign(y=y))
        frames[-1].to_parquet(folder / f"{seed}.parquet")
    joblib.dump(LogisticRegression().fit(frames[0][list("abc")], frames[0]["y"]), folder / "m.pkl")
    order = Order(
        model=folder / "m.pkl",
        name=lab.NAME,
        data=folder / "1.parquet",
        label="y",
        holdout=folder / "2.parquet",
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


class Client:
    """Asks a server, and remembers what will come true of its answers."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, body: object) -> tuple[Any, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, json.dumps(body))
            reply = connection.getresponse()
            content = reply.read()
            assert reply.status == 200, content
            return json.loads(content), reply.getheader("x-request-id") or ""
        finally:
            connection.close()

    def predict(self, path: str, x: NDArray[np.float64], y: list[int]) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for start in range(0, len(x), BATCH):
            rows = x[start : start + BATCH].tolist()
            _, key = self.ask(path, {"instances": rows})
            found += [
                {"id": f"{key}/{i}", "label": label}
                for i, label in enumerate(y[start : start + BATCH])
            ]
        return found


def test_the_estimate_alarms_before_late_labels_do_and_a_kill_changes_nothing(
    home: Any, lab: Any, tmp_path: Path
) -> None:
    home.configure(
        server={"log_sample_rate": 1.0, "log_every": "1s"},
        monitoring={"performance": {"window_rows": WINDOW_ROWS}},
    )
    (tmp_path / "given").mkdir()
    deployed(home, lab, tmp_path / "given")
    up = home.up()
    lab.until("the worker", lambda: home.settled(1))
    client = Client(up.port)
    watch, labels = f"/api/endpoints/{lab.NAME}/watch", f"/api/endpoints/{lab.NAME}/labels"

    def view() -> dict[str, Any]:
        found: dict[str, Any] = client.ask(watch, None)[0]
        return found

    def known() -> dict[str, Any]:
        found: dict[str, Any] = view()["performance"].get("1", {"n_seen": 0, "n_labelled": 0})
        return found

    def firing() -> dict[str, Any]:
        return {a["labels"]["kind"]: a for a in view()["alerts"] if a["phase"] == "firing"}

    quiet = client.predict(lab.PATH, *drawn(3, 2 * WINDOW_ROWS))
    lab.until("the quiet rows", lambda: known()["n_seen"] == len(quiet))
    assert "estimated_performance" not in firing()
    said, _ = client.ask(labels, [*quiet, {"id": "nobody", "label": 1}])
    assert (said["n_known"], said["unknown"]) == (len(quiet), ["nobody"])
    lab.until("their labels", lambda: known()["n_labelled"] == len(quiet))
    assert known()["estimated"]["trust"]["trust"] == "confirmed"

    (beat,) = home.store.present("monitor")
    lab.kill(int(str(beat.data["holder"]).partition("-")[0]))
    hard = client.predict(lab.PATH, *drawn(4, 2 * WINDOW_ROWS, near=True))
    lab.until("the alert of the estimate", lambda: "estimated_performance" in firing())
    lab.until("the hard rows", lambda: known()["n_seen"] == len(quiet) + len(hard))
    assert "performance" not in firing()
    assert known()["n_labelled"] == len(quiet)
    before = known()

    up.kill()
    up = home.up()
    client = Client(up.port)
    lab.until("the worker", lambda: home.settled(1))
    assert known()["series"] == before["series"]
    client.ask(labels, hard)
    lab.until("the alert of the labels", lambda: "performance" in firing())
    lab.until("all labels", lambda: known()["n_labelled"] == len(quiet) + len(hard))
    found, alerts = known(), firing()
    assert found["n_seen"] == len(quiet) + len(hard)
    assert (found["n_corrected"], found["measured"]["n_labelled"]) == (0, WINDOW_ROWS)
    assert "rests on" in alerts["estimated_performance"]["finding"]["sure"]["en"]
    fired = {kind: datetime.fromisoformat(alert["fired_at"]) for kind, alert in alerts.items()}
    assert fired["estimated_performance"] < fired["performance"]
    series = {point["window"]: point for point in found["series"]}
    assert abs(series[3]["estimated"] - series[3]["real"]) < 0.1
    metrics = metrics_of(up.port)
    assert f'seatrial_real_accuracy{{endpoint="{lab.NAME}",version="1"}}' in metrics


def metrics_of(port: int) -> str:
    """What a scraper reads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text
