"""`seatrial events`: how they go, and what they look like."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.kernel.events import Fact
    from seatrial.kernel.store import Store

_POLL_S = 0.5
_PAGE = 500
_N_SHOWN = 5


@click.group()
def events() -> None:
    """Events to other systems and from them: facts that are published, requests that come."""


@events.command("status")
@workspace_options
@json_option
def events_status(home: Path | None, config: Path | None, as_json: bool) -> int:
    """How far events went, out and in, and what was rejected."""
    from seatrial.events.desk import EventDesk
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    view = EventDesk(workspace.open_store(), workspace.settings.events).view()
    if view["broker"] is None:
        console.say("No broker is configured: see the section events of seatrial.yaml.")
    if view["publish"] is not None:
        _show_out(console, view["publish"])
    if view["receive"] is not None:
        _show_in(console, view["receive"])
    console.result(view)
    return Exit.DONE


def _show_out(console: Console, out: Mapping[str, Any]) -> None:
    when = f", the newest at {out['published_at'][:19]}" if out["published_at"] else ""
    console.say(f"out → {out['topic']}: {out['n_published']:,} published{when}")
    if out["n_behind"]:
        console.say(f"  {out['n_behind']:,} facts are still to be gone over")
    _show_standing(console, out)


def _show_in(console: Console, into: Mapping[str, Any]) -> None:
    totals: Counter[str] = Counter()
    for one in into["counts"]:
        totals[one["outcome"]] += one["n"]
    said = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(totals.items())) or "none yet"
    waiting = "" if into["n_waiting"] is None else f"; {into['n_waiting']:,} wait"
    console.say(f"in ← {into['topic']}: {said}{waiting}")
    _show_standing(console, into)
    for one in into["rejected"][:_N_SHOWN]:
        console.say(f"  {click.style('rejected', fg='yellow')} {one['place']}: {one['problem']}")


def _show_standing(console: Console, way: Mapping[str, Any]) -> None:
    if way["problem"]:
        since = f" since {way['since'][:19]}" if way["since"] else ""
        console.say(f"  {click.style('stands still', fg='red')}{since}: {way['problem']}")
    elif not way["runs"]:
        console.say("  nothing moves: start a server with `seatrial up`")


@events.command()
@click.option("--kind", "kinds", multiple=True, help="Of facts, such as 'release.*'; repeatable.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Place in the log to begin.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now.")
@workspace_options
def tail(
    kinds: tuple[str, ...], after: int, follow: bool, home: Path | None, config: Path | None
) -> int:
    """Print facts as the events they are published as, one JSON line each; needs no broker."""
    from seatrial.events.config import PublishConfig
    from seatrial.events.desk import EventDesk
    from seatrial.events.envelope import body_of
    from seatrial.wiring.workspace import open_workspace

    workspace = open_workspace(home=home, config=config)
    store, settings = workspace.open_store(), workspace.settings.events
    publish = settings.publish or PublishConfig()
    if kinds:
        publish = publish.model_copy(update={"kinds": kinds})
    source = EventDesk(store, settings).source()
    for fact in _facts(store, after, follow=follow):
        if publish.chosen(fact.kind):
            body = body_of(fact, source=source, max_bytes=publish.max_bytes)
            click.echo(body.decode())
    return Exit.DONE


@events.command()
def schema() -> int:
    """Print the JSON schema of events, those that go out and those that may come in."""
    import json

    from seatrial.events.schema import events_schema

    click.echo(json.dumps(events_schema(), indent=2))
    return Exit.DONE


def _facts(store: Store, after: int, *, follow: bool) -> Iterator[Fact]:
    while True:
        facts = store.read(after=after, limit=_PAGE)
        yield from facts
        if facts:
            after = facts[-1].seq
        elif not follow:
            return
        else:
            time.sleep(_POLL_S)
