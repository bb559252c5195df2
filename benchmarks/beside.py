"""What answers cost while the same machine trains and evaluates.

python -m benchmarks.beside [--quick] [--rounds 3] [--only nothing evaluate]

One server answers single rows of a model. Beside it, in turns, nothing runs; a training that the
server started; one by `seatrial train`; an evaluation of 100,000 rows by `seatrial evaluate`; the
evaluation of a registered version; and, to compare, the same training by plain Python, which nobody
tells to stand back. Latency is that of a client with one connection, on the same machine, that asks
two hundred times a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import yaml
from sklearn.linear_model import LogisticRegression

from benchmarks.monitor.goals import markdown_table
from benchmarks.serving.machine import describe

N_HOLDOUT = 100_000
EVERY_S = 0.005
PROGRAM = """
import sys, time
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

def train(data, label):
    rows = pd.read_parquet(data)
    x, y = rows.drop(columns=[label]), rows[label]
    print("begun", flush=True)
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        RandomForestClassifier(n_estimators=100, n_jobs=-1).fit(x, y)
    return LogisticRegression().fit(x, y)

if __name__ == "__main__":
    train(*sys.argv[1:])
"""


class Place:
    """A folder with rows, models and a server."""

    def __init__(self, folder: Path, *, seconds: float) -> None:
        self.folder, self.n_offered = folder, 0
        rng = np.random.default_rng(0)
        for name, n in (("train", 20_000), ("holdout", N_HOLDOUT)):
            x = pd.DataFrame(rng.normal(size=(n, 10)), columns=[f"x{i}" for i in range(10)])
            x["y"] = (x.x0 + 0.5 * x.x1 + rng.normal(size=n) > 0).astype(np.int64)
            x["at"] = pd.Timestamp("2026-11-01", tz="UTC") + pd.to_timedelta(np.arange(n), unit="s")
            if name == "train":
                x.to_parquet(folder / "rows.parquet")
            x.drop(columns="at").to_parquet(folder / f"{name}.parquet")
        (folder / "program.py").write_text(PROGRAM.replace("SECONDS", str(seconds)))
        recipe = {"function": "program.py:train", "data": "train.parquet", "label": "y"}
        table = {"source": "table", "table": {"source": "rows.parquet"}}
        table["table"]["columns"] = {"timestamp": "at"}  # type: ignore[index]
        settings = {
            "server": {"workers": 1, "port": 0},
            "evaluation": {"latency_slack_ms": 1000.0},
            "training": {"trackers": [], "recipes": {"forest": recipe}},
            "retraining": {"forest": {"training": "forest", "label": "y", "data": table}},
            "registry": {
                "models": {
                    "churn": {"target": "staging", "holdout": "holdout.parquet", "label": "y"}
                }
            },
        }
        (folder / "seatrial.yaml").write_text(yaml.safe_dump(settings))

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self.python("-m", "seatrial", *arguments)

    def python(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "out.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=self.folder, stdout=log, stderr=log
            )

    def run(self, *arguments: str) -> None:
        done = self.begin(*arguments)
        assert done.wait() == 0, self.told()

    def told(self) -> str:
        """The end of what all processes said."""
        return (self.folder / "out.log").read_text()[-2000:]

    def model(self, c: float) -> Path:
        rows = pd.read_parquet(self.folder / "train.parquet")
        file = self.folder / f"model-{c:g}.pkl"
        joblib.dump(LogisticRegression(C=c).fit(rows.drop(columns="y"), rows["y"]), file)
        return file

    @contextmanager
    def served(self) -> Iterator[None]:
        """Two versions, the first in production."""
        self.run("up", "--detach")
        try:
            order = ["--name", "churn", "--data", "train.parquet", "--label", "y"]
            self.run("deploy", str(self.model(1.0)), *order, "--target", "production")
            self.run("deploy", str(self.model(0.1)), *order)
            yield
        finally:
            self.run("down")

    @property
    def address(self) -> str:
        said = json.loads((self.folder / ".seatrial" / "server.json").read_text())
        return str(said["address"])

    def get(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.address + path, body, timeout=60) as answer:
            return json.load(answer)

    def until(self, what: Callable[[], object]) -> None:
        ends = time.monotonic() + 180
        while not what():
            assert time.monotonic() < ends, self.told()
            time.sleep(0.1)

    def is_idle(self) -> bool:
        """Whether nothing is left of what the server was given to do, releases too."""
        run = self.get("/api/retraining/forest")["run"]
        arrivals = self.get("/api/registry")["arrivals"]
        over = run is None or run["status"] in ("ended", "failed")
        return over and all(one["outcome"] for one in arrivals)


Beside = Callable[[Place], Callable[[], bool]]
"""Begins some work and returns once it is at it; what it returns says whether it still is."""


def at_work(place: Place, process: subprocess.Popen[bytes]) -> bool:
    """Whether a process goes on; one that failed ends the benchmark."""
    code = process.poll()
    assert code in (None, 0), place.told()
    return code is None


def nothing(_: Place) -> Callable[[], bool]:
    """The quiet machine."""
    return lambda: True


def plain(place: Place) -> Callable[[], bool]:
    """A training of which seatrial knows nothing."""
    return _trained(place, place.python("program.py", "train.parquet", "y"))


def by_hand(place: Place) -> Callable[[], bool]:
    """`seatrial train`."""
    return _trained(place, place.begin("train", "forest"))


def by_server(place: Place) -> Callable[[], bool]:
    """What a trigger begins."""
    place.run("retrain", "now", "forest")

    def training() -> bool:
        run = place.get("/api/retraining/forest")["run"]
        return any(s["name"] == "train" and s["status"] == "running" for s in run["steps"])

    place.until(training)
    place.until(_forests)
    return training


def evaluated(place: Place) -> Callable[[], bool]:
    """`seatrial evaluate`, of 100,000 rows."""
    order = ("churn@2", "--against", "churn@1", "--data", "holdout.parquet", "--label", "y")
    work = place.begin("evaluate", *order)
    time.sleep(1.0)
    return lambda: at_work(place, work)


def registered(place: Place) -> Callable[[], bool]:
    """What follows when a version is registered, from its arrival to its evaluation's end."""
    place.n_offered += 1
    file = place.model(0.01 * place.n_offered)
    place.get("/api/models/churn/versions?file=m.pkl", file.read_bytes())

    def arriving() -> bool:
        arrivals = place.get("/api/registry")["arrivals"]
        mine = [one for one in arrivals if one["number"] == place.n_offered]
        return bool(mine) and not mine[0]["outcome"]

    place.until(arriving)
    return arriving


WORK: dict[str, Beside] = {
    "nothing": nothing,
    "a training that the server started": by_server,
    "`seatrial train`": by_hand,
    "`seatrial evaluate`, 100,000 rows": evaluated,
    "a registered version: packaged, staged, evaluated on 100,000 rows": registered,
    "the same training by plain Python": plain,
}


def _trained(place: Place, work: subprocess.Popen[bytes]) -> Callable[[], bool]:
    place.until(_forests)
    return lambda: at_work(place, work)


def _forests() -> bool:
    """Whether a training of ours keeps the machine busy."""
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        line, spent = " ".join(process.info["cmdline"] or ()), process.info["cpu_times"]
        ours = "program.py" in line or "training_program" in line
        if ours and spent is not None and spent.user > 2.0:
            return True
    return False


def asked(place: Place, still: Callable[[], bool], *, seconds: float) -> list[float]:
    """Milliseconds of each request, for so long or until the work is done."""
    host = place.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    body = json.dumps({"instances": [[0.1] * 10]})
    headers = {"content-type": "application/json"}
    took: list[float] = []
    ends = time.monotonic() + seconds
    look_s = time.monotonic() + 1.0
    while time.monotonic() < ends:
        began = time.perf_counter()
        connection.request("POST", "/v1/models/churn:predict", body, headers)
        answer = connection.getresponse()
        answer.read()
        spent_s = time.perf_counter() - began
        assert answer.status == 200
        took.append(spent_s * 1e3)
        time.sleep(max(0.0, EVERY_S - spent_s))
        if time.monotonic() > look_s:
            look_s += 1.0
            if not still():
                break
    connection.close()
    return took


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of all lies, by rank."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> int:
    """Run what the flags ask for.   Returns: 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="parts of the work's names")
    options = parser.parse_args()
    seconds, rounds = (4.0, 1) if options.quick else (10.0, options.rounds)
    machine = describe()
    chosen = {n: w for n, w in WORK.items() if any(o in n for o in options.only or ("",))}
    print(f"{machine.description}; {machine.busy_share:.0%} busy beforehand.\n")
    if options.quick:
        print("**With `--quick`: one short round. This shows that it works, no more.**\n")
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), seconds=seconds + 4)
        os.environ["SEATRIAL_HOME"] = str(place.folder / ".seatrial")
        with place.served():
            print(table(measured(place, chosen, seconds=seconds, rounds=rounds)))
    return 0


def measured(
    place: Place, chosen: dict[str, Beside], *, seconds: float, rounds: int
) -> dict[str, list[list[float]]]:
    """Milliseconds of each request, by what went on beside it, for each round."""
    found: dict[str, list[list[float]]] = {name: [] for name in chosen}
    for name, begin in [*chosen.items()] * rounds:
        still = begin(place)
        took = asked(place, still, seconds=seconds)
        found[name].append(took)
        said = [f"{quantile(took, q):.2f}" for q in (0.5, 0.99, 1.0)]
        print(name, len(took), *said, file=sys.stderr, flush=True)
        place.until(lambda still=still, begin=begin: begin is nothing or not still())  # type: ignore[misc]
        place.until(place.is_idle)
    return found


def table(found: dict[str, list[list[float]]]) -> str:
    """Medians over the rounds, and how many times those of the quiet machine they are."""
    quiet = [quantile(took, 0.99) for took in found.get("nothing", [[math.nan]])]
    rows = []
    for name, rounds in found.items():
        p50, p99, most = (median(quantile(t, q) for t in rounds) for q in (0.5, 0.99, 1.0))
        n = sum(map(len, rounds))
        rows.append(
            [
                name,
                f"{n:,}",
                f"{p50:.2f}",
                f"{p99:.2f}",
                f"{p99 / median(quiet):.1f}",
                f"{most:.1f}",
            ]
        )
    head = ("beside it", "requests", "p50 ms", "p99 ms", "times the quiet p99", "slowest ms")
    return markdown_table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
