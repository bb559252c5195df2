"""Commands about what the watch found: status, alerts and silences, triggers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_options import file_option, home_option, store_of
from seatrial.cli.monitor_show import moment, show_alert, show_view
from seatrial.cli.options import DURATION, json_option, whoami
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.monitoring.watching.watch_desk import WatchDesk


@contextmanager
def _desk(config: Path | None, home: Path | None) -> Iterator[tuple[WatchDesk, list[str]]]:
    """The desk, and the endpoints it knows."""
    from seatrial.monitoring.triggers.book import TriggerBook
    from seatrial.monitoring.watching.watch_desk import WatchDesk
    from seatrial.release.projection import Endpoints

    store, endpoint = store_of(config, home)
    try:
        desk = WatchDesk(store)
        if endpoint is not None:
            yield desk, [endpoint]
            return
        endpoints = Endpoints(store)
        endpoints.refresh()
        found = {alert["labels"]["endpoint"] for alert in desk.alerts()}
        asked = TriggerBook(store).endpoints()
        yield desk, sorted({*endpoints.names(), *found, *asked})
    finally:
        store.close()


@click.command()
@click.argument("endpoint", required=False)
@file_option(required=False)
@home_option
@json_option
def status(endpoint: str | None, config: Path | None, home: Path | None, as_json: bool) -> int:
    """Who watches, the newest window of each version, and what fires."""
    console = Console(as_json=as_json)
    with _desk(config, home) as (desk, known):
        views = [desk.view(name) for name in ([endpoint] if endpoint else known)]
    for view in views:
        show_view(console, view)
    if not views:
        console.say("Nothing is watched yet. Start with: seatrial monitor start --config FILE")
    console.result(views[0] if endpoint else views)
    return Exit.DONE


@click.command()
@click.argument("endpoint", required=False)
@click.option("--all", "ended", is_flag=True, help="Also those that are over.")
@file_option(required=False)
@home_option
@json_option
def alerts(
    endpoint: str | None, ended: bool, config: Path | None, home: Path | None, as_json: bool
) -> int:
    """Alerts that fire or are about to, the worst and newest first."""
    console = Console(as_json=as_json)
    with _desk(config, home) as (desk, _):
        found = desk.alerts(endpoint, ended=ended)
    for alert in found:
        show_alert(console, alert)
    if not found:
        console.say("There are no alerts." if ended else "Nothing fires.")
    console.result(found)
    return Exit.DONE


@click.command()
@click.argument("key")
@click.option("--note", default="", help="For the history.")
@file_option(required=False)
@home_option
@json_option
def ack(key: str, note: str, config: Path | None, home: Path | None, as_json: bool) -> int:
    """Say that you care for an alert: it is not repeated until it gets worse."""
    console = Console(as_json=as_json)
    with _desk(config, home) as (desk, _):
        found = desk.acknowledge(key, by=whoami(), note=note, now=datetime.now(UTC))
    show_alert(console, found)
    console.result(found)
    return Exit.DONE


@click.command()
@click.argument("key")
@click.option("--reason", default="", help="Why, for the history.")
@file_option(required=False)
@home_option
@json_option
def close(key: str, reason: str, config: Path | None, home: Path | None, as_json: bool) -> int:
    """End an alert by hand; the next bad finding raises it anew."""
    console = Console(as_json=as_json)
    with _desk(config, home) as (desk, _):
        found = desk.close(key, by=whoami(), reason=reason, now=datetime.now(UTC))
    show_alert(console, found)
    console.result(found)
    return Exit.DONE


@click.command()
@click.option(
    "--match",
    "patterns",
    multiple=True,
    metavar="LABEL=PATTERN",
    help="Which alerts, such as endpoint=churn* or severity=warning; repeat it for more.",
)
@click.option("--all", "every", is_flag=True, help="All alerts of all endpoints.")
@click.option("--for", "for_s", type=DURATION, required=True, help="How long, such as 2h.")
@click.option("--why", default="", help="The reason, for whoever wonders.")
@file_option(required=False)
@home_option
@json_option
def silence(
    patterns: Sequence[str],
    every: bool,
    for_s: float,
    why: str,
    config: Path | None,
    home: Path | None,
    as_json: bool,
) -> int:
    """Let nobody be told of some alerts for a while."""
    console = Console(as_json=as_json)
    if every == bool(patterns):
        raise click.UsageError("Say which alerts with --match, or that it is --all of them.")
    with _desk(config, home) as (desk, _):
        found = desk.silence(
            _matched(patterns), for_s=for_s, why=why, by=whoami(), now=datetime.now(UTC)
        )
    console.say(f"Silence {found['id']} until {moment(found['until'])} UTC.")
    console.result(found)
    return Exit.DONE


@click.command()
@click.option("--end", "ended", metavar="ID", help="End this one.")
@file_option(required=False)
@home_option
@json_option
def silences(ended: str | None, config: Path | None, home: Path | None, as_json: bool) -> int:
    """Silences that people began and that are not over; or end one of them."""
    console = Console(as_json=as_json)
    now = datetime.now(UTC)
    with _desk(config, home) as (desk, _):
        if ended is not None:
            desk.end_silence(ended, by=whoami(), now=now)
        found = desk.silences(now)
    for one in found:
        match = ", ".join(f"{k}={'|'.join(v)}" for k, v in one["match"].items()) or "all alerts"
        why = f": {one['why']}" if one["why"] else ""
        console.say(
            f"  {one['id']:>4}  until {moment(one['until'])} UTC, by {one['by']}, {match}{why}"
        )
    if not found:
        console.say("There are no silences.")
    console.result(found)
    return Exit.DONE


@click.command()
@click.argument("endpoint", required=False)
@file_option(required=False)
@home_option
@json_option
def triggers(endpoint: str | None, config: Path | None, home: Path | None, as_json: bool) -> int:
    """What the triggers asked for: evaluations and retraining, the oldest first."""
    console = Console(as_json=as_json)
    with _desk(config, home) as (desk, known):
        names = [endpoint] if endpoint else known
        found = [{"endpoint": name, **one} for name in names for one in desk.requests(name)]
    for one in found:
        version = "" if one["version"] is None else f" version {one['version']}"
        console.say(
            f"  {moment(one['at'])}  {one['kind']:<22} {one['endpoint']}{version}  "
            f"{one['rule']}: {one['reason']}"
        )
    if not found:
        console.say("Nothing was asked for.")
    console.result(found)
    return Exit.DONE


def _matched(patterns: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        name, equals, value = pattern.partition("=")
        if not equals or not value:
            raise click.UsageError(f"--match {pattern!r} is not LABEL=PATTERN.")
        found.setdefault(name.strip(), []).append(value.strip())
    return found


COMMANDS = (status, alerts, ack, close, silence, silences, triggers)
