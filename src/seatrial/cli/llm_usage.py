"""`seatrial llm usage` and `models`: what was spent, and what may be asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, config_option, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.gateway.ledger.usage import By
from seatrial.gateway.spend.records import COLUMNS, QUANTILES
from seatrial.wiring.settings_file import load_settings
from seatrial.wiring.spend import opened_spend_desk
from seatrial.wiring.workspace import open_workspace


class _ByType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """What to tell sums apart by, separated by commas."""

    name = "by"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[By, ...]:
        """See `click.ParamType`."""
        if isinstance(value, tuple):
            return value
        known = [by.value for by in By]
        names = list(dict.fromkeys(name.strip() for name in str(value).split(",")))
        for name in names:
            if name not in known:
                self.fail(f"{name!r} is not one of {', '.join(known)}", param, ctx)
        return tuple(By(name) for name in names)


@click.command()
@click.option(
    "--by",
    type=_ByType(),
    default="model",
    show_default=True,
    help="minute, hour, day, key, user, provider, model, tag, tags, failure, instead_of (who was "
    "to answer before) or latency; several by commas.",
)
@click.option("--tag", default="", help="With --by tag, the tag's name.")
@click.option("--since", type=DURATION, default="30d", show_default=True, help="How far back.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout.")
@workspace_options
@json_option
def usage(
    by: tuple[By, ...],
    tag: str,
    since: float,
    as_csv: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """What calls of language models cost: failed ones included, open ones not yet.

    Calls that the cache answered stand beside them, with what they would have cost.
    """
    if By.TAG in by and not tag:
        raise click.UsageError("Give the name of the tag with --tag.")
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    with opened_spend_desk(workspace) as desk:
        records = desk.usage(by, since_s=since, tag=tag)
    if as_csv:
        click.echo(_csv(records, by), nl=False)
    elif not as_json:
        for line in _table(records, by):
            console.say(line)
    console.result(records)
    return Exit.DONE


@click.command()
@config_option
@json_option
def models(config: Path | None, as_json: bool) -> int:
    """The models that callers may ask for, and who answers."""
    console = Console(as_json=as_json)
    gateway = load_settings(config).gateway
    records = [
        {
            "name": name,
            "for": model.kind,
            "candidates": [f"{one.provider}/{one.model}" for one in model.candidates],
        }
        for name, model in gateway.models.items()
    ]
    for record in records:
        console.say(f"{record['name']:<28}{', then '.join(record['candidates'])}")
    if not records:
        console.say("There is no model: seatrial.yaml has none in its section gateway.")
    console.result(records)
    return Exit.DONE


def _csv(records: Sequence[dict[str, Any]], by: Sequence[By]) -> str:
    names = [str(name) for name in by]
    names += ["key_name"] if By.KEY in by else []
    out = io.StringIO()
    writer = csv.DictWriter(out, [*names, *COLUMNS, "mean_latency_s", *QUANTILES])
    writer.writeheader()
    for record in records:
        writer.writerow({name: _harmless(value) for name, value in record.items()})
    return out.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet does not take for a formula: names are chosen by callers."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return "'" + value
    return value


def _table(records: Sequence[dict[str, Any]], by: Sequence[By]) -> list[str]:
    if not records:
        return ["No call was made in that time."]
    heads = [*(str(name) for name in by), "calls", "failed", "cached", "input", "output", "USD"]
    rows = [heads]
    for record in records:
        names = [
            record.get("key_name") or record[str(name)] or "-"
            if name is By.KEY
            else record[str(name)] or "-"
            for name in by
        ]
        counts = [
            record[name] for name in ("n", "n_failed", "n_hits", "input_tokens", "output_tokens")
        ]
        rows.append([*names, *(f"{count:,}" for count in counts), record["cost_usd"]])
    widths = [max(len(row[n]) for row in rows) for n in range(len(heads))]
    n_names = len(by)
    lines = [
        "  ".join(
            text.ljust(width) if n < n_names else text.rjust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    n_semantic = sum(record["n_semantic"] for record in records)
    if n_semantic:
        lines.append(f"{n_semantic:,} of the cached calls asked in other words.")
    unsure = [record for record in records if record["n_unpriced"]]
    if unsure:
        n = sum(record["n_unpriced"] for record in unsure)
        lines.append(f"{n:,} calls have no known price and count 0: add it to gateway.prices.")
    return lines
