"""Commands about what the watch found: status, alerts and silences, triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_options import file_option, home_option, store_of
from seatrial.cli.monitor_show import moment, show_alert, show_view
from seatrial.cli.options import DURATION, json_option, whoami
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.monitoring.watching.watch_desk import WatchDesk


class _Watch:
    """What ``--config``, ``--home`` and ``--json`` say: where findings are, and how they are told.

    Args: as the options give them.
    """

    def __init__(self, config: Path | None, home: Path | None, *, as_json: bool) -> None:
        self._config, self._home = config, home
        self.console = Console(as_json=as_json)

    @contextmanager
    def desk(self) -> Iterator[tuple[WatchDesk, list[str]]]:
        """The desk, and the endpoints it knows."""
        from seatrial.monitoring.triggers.book import TriggerBook
        from seatrial.monitoring.watching.watch_desk import WatchDesk
        from seatrial.release.projection import Endpoints

        store, endpoint = store_of(self._config, self._home)
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

    def shown(self, alert: dict[str, Any]) -> int:
        """Tell of the alert that a command changed."""
        show_alert(self.console, alert)
        self.console.result(alert)
        return Exit.DONE


def _watch_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of `_Watch`, which the command gets as its first argument."""

    @file_option(required=False)
    @home_option
    @json_option
    @wraps(command)
    def run(*, config: Path | None, home: Path | None, as_json: bool, **others: Any) -> int:
        return command(_Watch(config, home, as_json=as_json), **others)

    return run


@click.command()
@click.argument("endpoint", required=False)
@_watch_options
def status(watch: _Watch, endpoint: str | None) -> int:
    """Who watches, the newest window of each version, and what fires."""
    with watch.desk() as (desk, known):
        views = [desk.view(name) for name in ([endpoint] if endpoint else known)]
    for view in views:
        show_view(watch.console, view)
    if not views:
        watch.console.say(
            "Nothing is watched yet. Start with: seatrial monitor start --config FILE"
        )
    watch.console.result(views[0] if endpoint else views)
    return Exit.DONE


@click.command()
@click.argument("endpoint", required=False)
@click.option("--all", "ended", is_flag=True, help="Also those that are over.")
@_watch_options
def alerts(watch: _Watch, endpoint: str | None, ended: bool) -> int:
    """Alerts that fire or are about to, the worst and newest first."""
    with watch.desk() as (desk, _):
        found = desk.alerts(endpoint, ended=ended)
    for alert in found:
        show_alert(watch.console, alert)
    if not found:
        watch.console.say("There are no alerts." if ended else "Nothing fires.")
    watch.console.result(found)
    return Exit.DONE


@click.command()
@click.argument("key")
@click.option("--note", default="", help="For the history.")
@_watch_options
def ack(watch: _Watch, key: str, note: str) -> int:
    """Say that you care for an alert: it is not repeated until it gets worse."""
    with watch.desk() as (desk, _):
        found = desk.acknowledge(key, by=whoami(), note=note, now=datetime.now(UTC))
    return watch.shown(found)


@click.command()
@click.argument("key")
@click.option("--reason", default="", help="Why, for the history.")
@_watch_options
def close(watch: _Watch, key: str, reason: str) -> int:
    """End an alert by hand; the next bad finding raises it anew."""
    with watch.desk() as (desk, _):
        found = desk.close(key, by=whoami(), reason=reason, now=datetime.now(UTC))
    return watch.shown(found)


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
@_watch_options
def silence(watch: _Watch, patterns: Sequence[str], every: bool, for_s: float, why: str) -> int:
    """Let nobody be told of some alerts for a while."""
    if every == bool(patterns):
        raise click.UsageError("Say which alerts with --match, or that it is --all of them.")
    with watch.desk() as (desk, _):
        found = desk.silence(
            _matched(patterns), for_s=for_s, why=why, by=whoami(), now=datetime.now(UTC)
        )
    watch.console.say(f"Silence {found['id']} until {moment(found['until'])} UTC.")
    watch.console.result(found)
    return Exit.DONE


@click.command()
@click.option("--end", "ended", metavar="ID", help="End this one.")
@_watch_options
def silences(watch: _Watch, ended: str | None) -> int:
    """Silences that people began and that are not over; or end one of them."""
    now = datetime.now(UTC)
    with watch.desk() as (desk, _):
        if ended is not None:
            desk.end_silence(ended, by=whoami(), now=now)
        found = desk.silences(now)
    for one in found:
        match = ", ".join(f"{k}={'|'.join(v)}" for k, v in one["match"].items()) or "all alerts"
        why = f": {one['why']}" if one["why"] else ""
        watch.console.say(
            f"  {one['id']:>4}  until {moment(one['until'])} UTC, by {one['by']}, {match}{why}"
        )
    if not found:
        watch.console.say("There are no silences.")
    watch.console.result(found)
    return Exit.DONE


@click.command()
@click.argument("endpoint", required=False)
@_watch_options
def triggers(watch: _Watch, endpoint: str | None) -> int:
    """What the triggers asked for: evaluations and retraining, the oldest first."""
    with watch.desk() as (desk, known):
        names = [endpoint] if endpoint else known
        found = [{"endpoint": name, **one} for name in names for one in desk.requests(name)]
    for one in found:
        version = "" if one["version"] is None else f" version {one['version']}"
        watch.console.say(
            f"  {moment(one['at'])}  {one['kind']:<22} {one['endpoint']}{version}  "
            f"{one['rule']}: {one['reason']}"
        )
    if not found:
        watch.console.say("Nothing was asked for.")
    watch.console.result(found)
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
