"""`seatrial plan`: how long a verdict will take, before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, NumberType, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import Store
from seatrial.release.gate import Gates
from seatrial.release.gate_record import gates_from_dict
from seatrial.release.measurement import Summary
from seatrial.release.plan import Forecast, share_within, time_to_verdict
from seatrial.release.projection import Endpoints, UnknownEndpoint
from seatrial.release.recent import Recent
from seatrial.release.rollout import MODEL, Plan
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.workspace import open_workspace

_LEAST_SEEN = 30
"""Requests of the last minute that make a rate worth reckoning with: of fewer, chance decides."""

_ASSUMED_RATES = (0.0, 0.0002, 0.0005)


class NoTraffic(NotFound):
    """Nothing is known of the traffic."""

    code = "plan.no_traffic"


@click.command()
@click.argument("name")
@click.option(
    "--rate",
    type=NumberType(min=0, min_open=True),
    help="Requests a second, all versions together.  [default: of the last minute]",
)
@click.option(
    "--share",
    type=NumberType(0, 1, min_open=True),
    help="Share of the canary.  [default: of the configured first step]",
)
@click.option("--within", type=DURATION, help="Also say which share brings the verdict in time.")
@workspace_options
@json_option
def plan(
    name: str,
    rate: float | None,
    share: float | None,
    within: float | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Say how long a verdict will take at the observed traffic, before starting."""
    workspace = open_workspace(home=home, config=config)
    store = workspace.open_store()
    kind, observed, stable = _observed(store, name)
    settings = workspace.settings
    of_kind = settings.prompt_release_of if kind == PROMPT else settings.release_of
    intended = of_kind(name).plan()
    if rate is None and 60 * observed < _LEAST_SEEN:
        raise _too_little(name, round(60 * observed))
    rate = observed if rate is None else rate
    share = _first_share(intended) if share is None else share
    gates = gates_from_dict(intended.gates)
    rows = [
        (assumed, forecast(gates, rate=rate, share=share, error_rate=assumed, stable=stable))
        for assumed in _ASSUMED_RATES
    ]
    console = Console(as_json=as_json)
    console.say(f"{name}: {_rate(rate)} requests a second, {100 * share:g} % of them to the canary")
    for assumed, found in rows:
        console.say(f"  error rate {100 * assumed:g} %: {_sentence(found)}")
    watch = sum(step.watch_s for step in intended.steps)
    console.say(f"  no promotion before the watch is over: {show_duration(watch)}")
    needed = _share_within(rows, rate, within)
    if within is not None:
        console.say(f"  within {show_duration(within)}: {_share_sentence(needed)}")
    console.result(_record(name, rate, share, watch, rows, needed))
    return Exit.DONE


def _too_little(name: str, n_seen: int) -> NoTraffic:
    seen = f"Only {n_seen} requests" if n_seen > 1 else "One request" if n_seen else "No request"
    were = "were" if n_seen > 1 else "was"
    return NoTraffic(
        f"{seen} to {name!r} {were} seen in the last minute, too little to reckon with.",
        remedy="Say how many you expect a second with --rate.",
    )


def forecast(
    gates: Gates, *, rate: float, share: float, error_rate: float, stable: Summary | None
) -> Forecast:
    """See `release.plan.time_to_verdict`; a stable that has not answered yet is left out."""
    return time_to_verdict(
        gates,
        rate_per_s=rate,
        share=share,
        error_rate=error_rate,
        stable=stable if stable is not None and stable.n else None,
    )


def _observed(store: Store, name: str) -> tuple[str, float, Summary | None]:
    """The kind of an endpoint, requests a second to it, and what its stable version did lately."""
    endpoints = Endpoints(store)
    endpoints.refresh()
    try:
        state = endpoints.get(name)
    except UnknownEndpoint:
        return MODEL, 0.0, None
    now = datetime.now(UTC)
    recent = Recent(store, name)
    recent.refresh(now)
    stable = recent.total(state.stable) if state.stable is not None else None
    return state.kind, recent.rate_per_s(now), stable


def _rate(rate: float) -> str:
    """One decimal, or two digits where that would say nothing."""
    return f"{rate:,.1f}" if rate >= 1 else f"{rate:.2g}"


def _first_share(intended: Plan) -> float:
    return next((step.share for step in intended.steps if step.share > 0), 1.0)


def _sentence(found: Forecast) -> str:
    if found.n_requests is None:
        return f"never passes ({found.gate})"
    if found.duration_s is None:
        return f"needs {found.n_requests:,} requests ({found.gate})"
    return (
        f"passes after about {found.n_requests:,} requests of the canary, "
        f"{show_duration(found.duration_s)} ({found.gate} takes longest)"
    )


def _share_within(
    rows: Sequence[tuple[float, Forecast]], rate: float, within: float | None
) -> float | None:
    n_requests = rows[0][1].n_requests
    if within is None or within <= 0 or n_requests is None:
        return None
    return share_within(n_requests, rate_per_s=rate, within_s=within)


def _share_sentence(share: float | None) -> str:
    if share is None:
        return "not even with all the traffic"
    return f"a share of {100 * share:.2g} % for a perfect canary"


def _record(
    name: str,
    rate: float,
    share: float,
    watch_s: float,
    rows: Sequence[tuple[float, Forecast]],
    share_in_time: float | None,
) -> dict[str, object]:
    return {
        "endpoint": name,
        "requests_per_s": rate,
        "share": share,
        "watch_s": watch_s,
        "share_in_time": share_in_time,
        "forecasts": [
            {
                "error_rate": assumed,
                "n_requests": found.n_requests,
                "duration_s": found.duration_s,
                "gate": found.gate,
            }
            for assumed, found in rows
        ],
    }
