"""A market drifts, a model gets worse, and the loop closes: python close_the_loop.py

A day of the data is a day: 48 requests, and then the labels of three days before, if the feed is
up. The server's own clock does not count as time: while it takes labels in, trains, evaluates and
stages, no day passes, for all of that takes seconds of a day. A canary needs requests, so days go
by while it is watched, held back while little of what was answered is judged: its length in days
depends on the machine a little. "Without the loop" is the first model, frozen, over the same rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import market
import pandas as pd
from market import FEATURES, FIRST, LABEL, LAST, LEARNED, ROWS, Feed, name_of
from train import train

from serving import PATIENCE_S, Killer, Server

HERE = Path(__file__).parent
NAME = "electricity"
JUDGED_S, LOGGED_S = 5.0, 20.0
"""So long a canary's counts are waited for, and the log while it does not grow: what a killed
process held of them is lost."""

BAD_POINTS, BAD_DAYS = 0.05, 7
"""A day is bad when the accuracy of the days up to it, so many, is that much under the first
model's on the days it was held against."""
ASKED_DAYS = 14
"""A retraining is false when the accuracy of so many days, the newest that had labels when it
began, was not that much under it by the true labels."""


@dataclass
class Replayed:
    """What is known of each day that was replayed, and what happened."""

    right: list[float] = field(default_factory=list)
    frozen: list[float] = field(default_factory=list)
    versions: list[set[int]] = field(default_factory=list)
    notes: dict[int, list[str]] = field(default_factory=dict)
    began: list[int] = field(default_factory=list)
    """Days on which retrainings began."""


class Replay:
    """Sends the days of the market through the server, and lets the loop work in between.

    Args:
        server: with the first version in production.
        days: all half hours.
        frozen: the first model.
        seed: a part of the keys by which a canary's requests are chosen.
    """

    def __init__(self, server: Server, days: pd.DataFrame, frozen: Any, *, seed: int) -> None:
        self._server = server
        self._days = days
        self._answers = frozen.predict(days[FEATURES])
        self._feed = Feed(truth=days[LABEL].to_numpy())
        self._seed = seed
        self._n_told = 0
        self._n_runs = 0
        self._outcomes: dict[str, str] = {}
        self._fired: set[str] = set()
        self._answered: Counter[int] = Counter()
        self.found = Replayed()

    def run(self) -> Replayed:
        """All of the days."""
        for day in range(FIRST, LAST):
            self._ask(day)
            if day == self._feed.down[1]:
                self._wait_for_the_log()
            self._tell(day)
            if (day - self._feed.late_days - FIRST + 1) % 7 == 0 or day == self._feed.down[1]:
                self._wait_for_the_watch(day)
            self._wait_for_the_loop(day)
        return self.found

    def _ask(self, day: int) -> None:
        """The half hours of a day, one request each; asked again, with the same id, if it fails."""
        rows = self._days.iloc[day * ROWS : (day + 1) * ROWS]
        right, versions = 0, set()
        for period, row in enumerate(rows[FEATURES].to_dict("records")):
            key = name_of(day, period)
            reply, headers = self._server.ask(
                "POST",
                f"/v1/models/{NAME}:predict",
                {"instances": [row]},
                x_request_id=key,
                x_seatrial_key=f"{self._seed}-{key}",
            )
            answer = reply["predictions"][0]
            answer = answer["label"] if isinstance(answer, dict) else answer
            right += int(answer) == int(rows[LABEL].iloc[period])
            version = int(headers["x-seatrial-version"])
            versions.add(version)
            self._answered[version] += 1
        frozen = self._answers[day * ROWS : (day + 1) * ROWS]
        self.found.right.append(right / ROWS)
        self.found.frozen.append(float((frozen == rows[LABEL]).mean()))
        self.found.versions.append(versions)

    def _tell(self, day: int) -> None:
        labels = self._feed.of_day(day)
        if labels:
            self._server.ask("POST", f"/api/endpoints/{NAME}/labels", labels)
            self._n_told += len(labels)

    def _wait_for_the_log(self) -> None:
        """Until the answers are in it: labels come days later. What was killed with it is lost."""
        newest, since = -1, time.monotonic()
        while time.monotonic() < since + LOGGED_S:
            said, _ = self._server.ask("GET", f"/api/endpoints/{NAME}/labels")
            n_seen = sum(one["n_seen"] for one in said["versions"].values())
            if n_seen >= self._answered.total():
                return
            if n_seen > newest:
                newest, since = n_seen, time.monotonic()
            time.sleep(0.1)

    def _wait_for_the_watch(self, day: int) -> None:
        """Until it has taken in what it was told."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said, _ = self._server.ask("GET", f"/api/endpoints/{NAME}/labels")
            n_known = sum(one["n_labelled"] for one in said["versions"].values())
            if said["n_waiting"] == 0 and n_known + said["n_unknown"] >= self._n_told:
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"the watch did not take in the labels: {said}")
        self._note_alerts(day)

    def _wait_for_the_loop(self, day: int) -> None:
        """Until nothing is asked for and no run is at work, or it needs requests to go on."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            view, _ = self._server.ask("GET", f"/api/retraining/{NAME}")
            self._note_runs(day, view)
            run = view["run"]
            at_rest = run is None or run["status"] in ("ended", "failed")
            if at_rest and view["next"]["says"] == "nothing":
                return
            if not at_rest and view["step"] == "release" and self._wants_requests():
                return
            time.sleep(0.1)
        raise SystemExit(f"the loop stands still: {view}")

    def _wants_requests(self) -> bool:
        """Whether a canary is under way that has judged about as many answers as it gave."""
        deadline = time.monotonic() + JUDGED_S
        while (trial := self._trial()) is not None:
            version, n_judged = trial
            if n_judged >= self._answered[version] or time.monotonic() > deadline:
                return True
            time.sleep(0.1)
        return False

    def _trial(self) -> tuple[int, int] | None:
        """The version that is a canary, and how many answers its gates have judged at most."""
        endpoint, _ = self._server.ask("GET", f"/api/endpoints/{NAME}")
        release = endpoint["release"]
        if not release or release["over"] or release["phase"] != "canary":
            return None
        verdicts = (release["evidence"] or {}).get("verdicts", [])
        return release["version"], max((verdict["n"] for verdict in verdicts), default=0)

    # What happened, for the reader.

    def _note(self, day: int, text: str) -> None:
        self.found.notes.setdefault(day, []).append(text)
        print(f"  day {day}  {text}", flush=True)

    def _note_alerts(self, day: int) -> None:
        watch, _ = self._server.ask("GET", f"/api/endpoints/{NAME}/watch")
        for alert in watch["alerts"]:
            about, new = alert["labels"], alert["key"] not in self._fired
            if new and alert["phase"] == "firing" and about["kind"].endswith("performance"):
                self._fired.add(alert["key"])
                self._note(
                    day, f"alert       {alert['severity']}: {alert['finding']['what']['en']}"
                )

    def _note_runs(self, day: int, view: dict[str, Any]) -> None:
        for past in reversed(view["history"]):
            key = past["run"]
            if key not in self._outcomes:
                self._outcomes[key] = ""
                self.found.began.append(day)
                cause = past["causes"][0]
                self._note(day, f"retraining  {cause['rule']}: {cause['reason']}")
            if past["outcome"] and not self._outcomes[key]:
                self._outcomes[key] = past["outcome"]
                self._note(day, f"{past['outcome']:<11} {past['reason']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="A market drifts, and the loop closes.")
    parser.add_argument(
        "--seed",
        type=int,
        default=7,
        help="Of the keys that choose for a canary, and of the kills.",
    )
    parser.add_argument("--kill", type=int, default=0, help="Kill a process so many times.")
    parser.add_argument("--out", type=Path, help="File for what was found, as JSON.")
    parser.add_argument("--keep", type=Path, help="Folder for the server's state, which is kept.")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="close-the-loop-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = replayed(folder, given.seed, given.kill)
    finally:
        if given.keep is None:
            shutil.rmtree(folder)
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


def replayed(folder: Path, seed: int, n_kills: int) -> dict[str, Any]:
    """All of it, in a folder; what was found, as a record."""
    days = market.read_days(HERE)
    first = FIRST * ROWS
    seen, unseen = days[: LEARNED * ROWS], days[LEARNED * ROWS : first]
    seen.to_parquet(folder / "seen.parquet")
    unseen.to_parquet(folder / "unseen.parquet")
    frozen = train(str(folder / "seen.parquet"), LABEL, seed)
    joblib.dump(frozen, folder / "model.pkl")
    server = Server(HERE, folder / "home")
    killer = Killer(server, n_kills, seed=seed)
    begun = time.monotonic()
    try:
        files = [
            "--data",
            str(folder / "seen.parquet"),
            "--holdout",
            str(folder / "unseen.parquet"),
        ]
        order = [str(folder / "model.pkl"), "--name", NAME, "--label", LABEL]
        server.ask("GET", "/readyz")
        server.command("deploy", *order, *files, "--target", "production")
        print(f"day {FIRST}: version 1, trained on days 0 to {LEARNED - 1}, is in production")
        killer.start()
        replay = Replay(server, days, frozen, seed=seed)
        found = replay.run()
        killer.join(PATIENCE_S)
        seconds = time.monotonic() - begun
        return report(server, found, seed=seed, killed=killer.killed, seconds=seconds)
    finally:
        server.end()


def report(
    server: Server, found: Replayed, *, seed: int, killed: list[str], seconds: float
) -> dict[str, Any]:
    """Print what came of it, and return it as a record."""
    labels, _ = server.ask("GET", f"/api/endpoints/{NAME}/labels")
    endpoint, _ = server.ask("GET", f"/api/endpoints/{NAME}")
    facts, _ = server.ask("GET", f"/api/endpoints/{NAME}/history")
    runs, _ = server.ask("GET", f"/api/retraining/{NAME}/history")
    reference = float(labels["versions"]["1"]["reference"]["value"])
    bad, bad_frozen = (bad_days(a, reference) for a in (found.right, found.frozen))
    first = next((i for i, v in enumerate(found.versions) if 1 not in v), len(found.versions))
    record = {
        "seed": seed,
        "days": len(found.right),
        "reference": reference,
        "bad_days": {"with": sum(bad), "without": sum(bad_frozen)},
        "accuracy_since": {
            "day": FIRST + first,
            "with": mean(found.right[first:]),
            "without": mean(found.frozen[first:]),
        },
        "retrainings": [
            {"day": day, "outcome": run["outcome"], "reason": run["reason"]}
            | {"false": is_false(found, day, reference), "cause": run["causes"][0]["rule"]}
            for day, run in zip(found.began, reversed(runs), strict=True)
        ],
        "promoted": [f["data"]["version"] for f in facts if f["kind"] == "release.promoted"],
        "stable": endpoint["stable"],
        "killed": killed,
        "seconds": round(seconds),
    }
    show(found, record)
    return record


def bad_days(accuracies: list[float], reference: float) -> list[bool]:
    """Which days are bad; see `BAD_POINTS`."""
    recent = pd.Series(accuracies).rolling(BAD_DAYS, min_periods=1).mean()
    return [bool(value < reference - BAD_POINTS) for value in recent]


def is_false(found: Replayed, day: int, reference: float) -> bool:
    """Whether a retraining that began on a day began for nothing; see `ASKED_DAYS`."""
    newest = day - FIRST - Feed.late_days + 1
    return mean(found.right[max(0, newest - ASKED_DAYS) : newest]) >= reference - BAD_POINTS


def mean(values: list[float]) -> float:
    """NaN of none."""
    return sum(values) / len(values) if values else float("nan")


def show(found: Replayed, record: dict[str, Any]) -> None:
    """The record for a reader."""
    print("\n  days       answered by  with the loop  without")
    for start in range(0, len(found.right), 7):
        week = slice(start, start + 7)
        last = FIRST + start + len(found.right[week]) - 1
        versions = ", ".join(map(str, sorted(set().union(*found.versions[week]))))
        with_it, without = mean(found.right[week]), mean(found.frozen[week])
        print(
            f"  {FIRST + start:>3} to {last:<3} {versions:>12}  {with_it:>13.1%}  {without:>7.1%}"
        )
    bad, since = record["bad_days"], record["accuracy_since"]
    runs = record["retrainings"]
    false = [run for run in runs if run["false"]]
    n_released = sum(run["outcome"] == "promoted" for run in false)
    print(f"""
  reference          {record["reference"]:.1%}, of the first model before it answered
  days of bad accuracy
    with the loop    {bad["with"]} of {record["days"]}
    without          {bad["without"]} of {record["days"]}
  accuracy from day {since["day"]}
    with the loop    {since["with"]:.1%}
    without          {since["without"]:.1%}
  retrainings        {len(runs)}: {", ".join(run["outcome"] for run in runs)}
  false retrainings  {len(false)}, of which {n_released} released
  promoted           {", ".join(f"version {v}" for v in record["promoted"])}
  processes killed   {len(record["killed"])}
  seed               {record["seed"]}""")


if __name__ == "__main__":
    main()
