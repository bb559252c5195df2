"""`seatrial llm keys`: make, list and revoke the keys of callers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, NAMES, json_option, whoami, workspace_options
from seatrial.cli.output import Console
from seatrial.gateway.ledger.budget import Window
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.keys import Key, shown
from seatrial.kernel.clock import SystemClock
from seatrial.wiring.workspace import open_workspace


class MoneyType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """An amount of USD, exactly as written."""

    name = "usd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """See `click.ParamType`."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount.", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of 0 or more.", param, ctx)
        return amount


@click.group()
def keys() -> None:
    """Keys of callers: each is shown once, and kept as a digest."""


@keys.command()
@click.argument("name")
@click.option("--models", type=NAMES, help="What it may be used for, by commas.  [default: all]")
@click.option("--budget", type=MoneyType(), help="What it may spend in each window, in USD.")
@click.option(
    "--window",
    type=click.Choice([window.value for window in Window]),
    default=Window.MONTH.value,
    show_default=True,
    help="How long its budget lasts.",
)
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="Calls it may make.")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), help="Tokens it may use.")
@click.option("--tenant", default="", help="Keys of one tenant share answers of the cache.")
@click.option("--groups", type=NAMES, help="Whose documents it may read, by commas.")
@click.option("--expires", type=DURATION, help="How long it may be used, such as 90d.")
@workspace_options
@json_option
def create(
    name: str,
    models: tuple[str, ...] | None,
    budget: Decimal | None,
    window: str,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    tenant: str,
    groups: tuple[str, ...] | None,
    expires: float | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Make a key named NAME. It is printed once, on stdout: nobody can show it again."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        secret, key = desk.create(
            name,
            by=whoami(),
            models=models or (),
            tenant=tenant,
            groups=groups or (),
            budget_usd=budget,
            window=Window(window),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            expires=None if expires is None else time.time() + expires,
        )
    known = open_workspace(home=home, config=config).settings.gateway.models
    for model in key.models:
        if known and model not in known:
            console.step(
                "note", "model", f"there is no {model} yet; models are: {', '.join(known)}"
            )
    console.step("ok", "key", f"{key.name} ({key.id}): keep it now, it is shown this once")
    if not as_json:
        click.echo(secret)
    console.result({"key": secret, **_record(key)})
    return Exit.DONE


@keys.command(name="list")
@workspace_options
@json_option
def listed(home: Path | None, config: Path | None, as_json: bool) -> int:
    """All keys, without what is secret about them."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        found = [_record(key) for key in desk.ring()]
    for record in found:
        console.say(_line(record))
    if not found:
        console.say("There is no key yet. Make one with: seatrial llm keys create NAME")
    console.result(found)
    return Exit.DONE


@keys.command()
@click.argument("name")
@workspace_options
@json_option
def revoke(name: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """End the use of the key NAME, or of the one with that id."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        key = desk.revoke(name, by=whoami())
    console.step("ok", "revoked", f"{key.name} ({key.id}); servers know within seconds")
    console.result({"id": key.id, "name": key.name, "revoked": True})
    return Exit.DONE


@contextmanager
def _desk(home: Path | None, config: Path | None) -> Iterator[KeyDesk]:
    store = open_workspace(home=home, config=config).open_store()
    try:
        yield KeyDesk(store, now=SystemClock().now)
    finally:
        store.close()


def _record(key: Key) -> dict[str, Any]:
    return shown(key, at=datetime.now(UTC))


def _line(record: dict[str, Any]) -> str:
    limits = []
    if record["budget_usd"] is not None:
        limits.append(f"${record['budget_usd']} a {record['window']}")
    most = {what: record[f"{what}_per_minute"] for what in ("requests", "tokens")}
    limits += [f"{n} {what} a minute" for what, n in most.items() if n is not None]
    if record["models"]:
        limits.append("for " + ", ".join(record["models"]))
    if record["groups"]:
        limits.append("reads as " + ", ".join(record["groups"]))
    if record["expires"] is not None:
        limits.append(f"until {record['expires'][:16]}")
    state = "" if record["usable"] else "  revoked" if record["revoked"] else "  expired"
    return f"{record['id']}  {record['name']:<24}{'; '.join(limits)}{state}"
