"""Follows a release to its end, printing each step as it is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from seatrial.cli.output import Console
from seatrial.cli.show import evidence_lines
from seatrial.kernel.duration import show_watched
from seatrial.kernel.errors import Conflict
from seatrial.release.desk import Desk
from seatrial.release.verdict import about

_POLL_S = 0.2
_LOAD_S = 60.0
"""A promoted version is waited for so long until the workers serve it; big models take a while."""


class ReleaseBlocked(Conflict):
    """The release being followed stands still: nothing is decided about its endpoint any more."""

    code = "release.blocked"


def follow(
    console: Console,
    desk: Desk,
    endpoint: str,
    release: str,
    *,
    tick: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Wait until a release is over, or held for a person; a promoted one until it is served.

    Args:
        release: its id; when another one has begun meanwhile, this one is over.
        tick: called before each look; where no server runs, it brings the release forward itself.
    Returns: the endpoint's record as of the end.
    Raises: ReleaseBlocked.
    """
    said: set[str] = set()
    loading_since: float | None = None
    while True:
        tick()
        record: dict[str, Any] = desk.view(endpoint)
        now = record["release"]
        if now is None or now["release"] != release:
            return record
        if record["blocked"] and record["blocked"]["lasts"]:
            raise ReleaseBlocked(record["blocked"]["problem"], remedy=record["blocked"]["remedy"])
        if now["phase"] == "promoted" and _n_behind(record):
            loading_since = loading_since or time.monotonic()
            if time.monotonic() - loading_since < _LOAD_S:
                console.progress("loading", _loading(record))
                time.sleep(_POLL_S)
                continue
        _say(console, now, said)
        if now["phase"] == "promoted":
            _say_who_serves(console, record)
        if now["over"] or now["phase"] == "held":
            return record
        time.sleep(_POLL_S)


def _say(console: Console, now: dict[str, Any], said: set[str]) -> None:
    """Print what is new since the last look; ``said`` remembers it."""
    staging = now["staging"]
    if staging and "staging" not in said:
        said.add("staging")
        console.step("ok" if staging["passed"] else "bad", "staging", staging["reason"])
    match now["phase"]:
        case "staging" if "tests" not in said:
            said.add("tests")
            console.progress("staging", "integration tests")
        case "warming" | "canary":
            console.progress("canary", canary_line(now))
        case "held":
            console.step("wait", "held", f"{now['reason']}; a person must decide")
        case "promoted":
            _gates(console, now)
            console.step("ok", "promoted", f"version {now['version']}: {_why(now)}")
        case "aborted":
            _gates(console, now)
            console.step("bad", "aborted", f"version {now['version']}: {now['reason']}")


def _n_behind(record: dict[str, Any]) -> int:
    """Workers that do not serve what the endpoint shall serve."""
    n: int = record["n_workers"] - record["n_workers_up_to_date"]
    return n


def _loading(record: dict[str, Any]) -> str:
    """How far the workers are with the version in production."""
    ready = f"{record['n_workers_up_to_date']} of {record['n_workers']}"
    return f"{ready} workers serve version {record['stable']}"


def _say_who_serves(console: Console, record: dict[str, Any]) -> None:
    """That a promoted version does not answer everywhere yet, where that is so."""
    if not record["n_workers"]:
        console.step("note", "serving", "no server runs on this store: start one: seatrial up")
    elif _n_behind(record):
        later = "loading goes on, and until then the others answer as before, or 503"
        console.step("note", "serving", f"{_loading(record)}; {later}")


def _gates(console: Console, now: dict[str, Any]) -> None:
    for line in evidence_lines(now):
        console.step("note", "gate", line)


def _why(now: dict[str, Any]) -> str:
    """The reason of a promotion, unless the lines of the gates have just told it."""
    evidence = now["evidence"] or {}
    told = evidence.get("reason") == now["reason"]
    return "every gate passed; it gets all traffic" if told else str(now["reason"])


def canary_of(desk: Desk, endpoint: str) -> str | None:
    """How the canary of an endpoint stands, for who waits for it; None where there is none."""
    if endpoint not in desk.names():
        return None
    now: Any = desk.view(endpoint)["release"]
    return canary_line(now) if now and now["phase"] in ("warming", "canary") else None


def canary_line(now: dict[str, Any]) -> str:
    """How far a canary is: its share, its time, its requests, and how many are needed yet."""
    if now["share"] is None:
        return f"waits for {now['waiting_for']}"
    evidence = now["evidence"] or {}
    n = max((v["n"] for v in evidence.get("verdicts", ())), default=0)
    watched = show_watched(now["watched_s"], now["watch_s"])
    needed = evidence.get("n_needed")
    rest = f", about {about(needed):,} more needed" if needed else ""
    outcome = evidence.get("outcome", "no evidence yet")
    return f"{100 * now['share']:g} %, {watched}, {n:,} requests{rest}: {outcome}"
