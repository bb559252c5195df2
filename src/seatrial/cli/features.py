"""`seatrial features`: a Feast repository from its making to what is known of an entity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.feature_checks import CHECK_COMMANDS
from seatrial.cli.feature_options import (
    TIME,
    repository_option,
    selected_features,
    which_option,
)
from seatrial.cli.feature_training import training_set
from seatrial.cli.options import DURATION, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.features.failures import Unregistered
from seatrial.features.online import Read, State
from seatrial.features.view import Repository, Selected
from seatrial.kernel.duration import show_duration
from seatrial.wiring.features import commands as wired
from seatrial.wiring.workspace import open_workspace

_MARKS = {State.PRESENT: "ok", State.NULL: "note", State.STALE: "bad", State.MISSING: "bad"}


@click.group()
def features() -> None:
    """Features of a Feast repository: made, applied, materialized, read, compared."""


@features.command()
@click.option("--project", default="users", show_default=True, help="Name of Feast's project.")
@repository_option
@workspace_options
@json_option
def init(
    project: str, repository: Path | None, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Write a repository to begin with: users, two features with a TTL of a day, sample data."""
    from seatrial.adapters.features.feast_scaffold import write_repository

    console = Console(as_json=as_json)
    folder = wired.folder_of(open_workspace(home=home, config=config), repository)
    files = write_repository(folder, project=project, now=datetime.now(UTC))
    for file in files:
        console.step("ok", "wrote", str(file))
    console.step("note", "next", "seatrial features apply && seatrial features materialize")
    console.result({"repository": str(folder), "files": [str(file) for file in files]})
    return Exit.DONE


@features.command()
@repository_option
@workspace_options
@json_option
def apply(repository: Path | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Register what the repository's Python files define, and tell serving of it."""
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    folder = wired.open_repository(wired.folder_of(workspace, repository))
    with wired.child_of(workspace.settings.features, folder.path) as child:
        console.progress("apply", "Feast is started, which takes some ten seconds")
        found = wired.keep(folder, child.apply())
    for view in found.views:
        ttl = "for ever" if view.ttl_us is None else show_duration(view.ttl_us / 1e6)
        names = ", ".join(field.name for field in view.features)
        keys = ", ".join(field.name for field in view.join_keys)
        console.step("ok", "view", f"{view.name} by {keys}, counts {ttl}: {names}")
    for service in found.services:
        references = ", ".join(str(reference) for reference in service.features)
        console.step("ok", "service", f"{service.name}: {references}")
    console.result(
        {
            "project": found.project,
            "views": [view.name for view in found.views],
            "services": [service.name for service in found.services],
        }
    )
    return Exit.DONE


@features.command()
@click.option("--since", type=DURATION, help="Values that became true so long ago or later.")
@click.option("--start", type=TIME, help="The same as a time.  [default: where it left off]")
@click.option("--end", type=TIME, help="Values that became true by then.  [default: now]")
@click.option("--view", "views", multiple=True, help="Only this view; repeat it.")
@repository_option
@workspace_options
@json_option
def materialize(
    since: float | None,
    start: datetime | None,
    end: datetime | None,
    views: tuple[str, ...],
    repository: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Write the newest values to the online store, of all views or some."""
    if since is not None and start is not None:
        raise click.UsageError("Give --since or --start, not both.")
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    folder = wired.open_repository(wired.folder_of(workspace, repository))
    end_s = wired.now_us() / 1e6 if end is None else end.timestamp()
    start_s = start.timestamp() if start else None if since is None else end_s - since
    for view in views:
        folder.repository().view(view)
    with wired.child_of(workspace.settings.features, folder.path) as child:
        console.progress("materialize", "Feast is started, which takes some ten seconds")
        found = wired.keep(folder, child.materialize(start_s=start_s, end_s=end_s, views=views))
    written = [view.name for view in found.views if not views or view.name in views]
    until = datetime.fromtimestamp(end_s, UTC).isoformat(timespec="seconds")
    console.step("ok", "online", f"{', '.join(written) or 'no view'}, up to {until}")
    console.result({"views": written, "start_s": start_s, "end_s": end_s})
    return Exit.DONE


@features.command()
@click.option(
    "--entity",
    "entities",
    multiple=True,
    required=True,
    help="Whose, as KEY=VALUE or KEY=VALUE,KEY=VALUE; repeat it.",
)
@click.option("--at", type=TIME, help="As of then, from the offline store.  [default: online, now]")
@which_option
@repository_option
@workspace_options
@json_option
def get(
    entities: tuple[str, ...],
    at: datetime | None,
    service: str | None,
    features: tuple[str, ...],
    repository: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Read features of entities as a prediction would see them, with the state of each value."""
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    folder = wired.open_repository(wired.folder_of(workspace, repository))
    found = folder.repository()
    selected, unknown = _registered(found, service, features)
    keys = wired.keys_of(selected)
    wanted = [wired.parsed_entity(text, keys) for text in entities] if selected else []
    if at is None:
        reads = (
            wired.read_online(folder, selected, wanted, at_us=wired.now_us()) if selected else []
        )
    else:
        from seatrial.features.offline import EntityRow

        rows = [EntityRow(key=key, time_us=round(at.timestamp() * 1e6)) for key in wanted]
        with wired.child_of(workspace.settings.features, folder.path) as child:
            console.progress("offline", "Feast is started, which takes some ten seconds")
            reads = [
                [Read(State.NULL if v is None else State.PRESENT, v) for v in values]
                for values in child.join(rows, selected)
            ]
    record = []
    for i, text in enumerate(entities):
        values = {} if not selected else _record(selected, reads[i])
        values |= {
            name: {"state": State.UNREGISTERED.value, "value": None, "problem": str(problem)}
            for name, problem in unknown.items()
        }
        record.append({"entity": text, "features": values})
        console.say(click.style(text, bold=True))
        for name, one in values.items():
            mark = _MARKS.get(State(one["state"]), "bad")
            age = "" if one.get("age_s") is None else f", {show_duration(one['age_s'])} old"
            shown = "" if one["value"] is None else f" {one['value']!r}"
            if problem := one.get("problem"):
                shown = f": {problem}"
            console.step(mark, one["state"], f"{name}{shown}{age}")
    console.result({"at": None if at is None else at.isoformat(), "entities": record})
    return Exit.NOT_FOUND if unknown else Exit.DONE


for _command in (training_set, *CHECK_COMMANDS):
    features.add_command(_command)


def _registered(
    repository: Repository, service: str | None, features: Sequence[str]
) -> tuple[tuple[Selected, ...], dict[str, Unregistered]]:
    """What of the features asked for is registered, and what is wrong with the other names."""
    if service is not None or not features:
        return selected_features(repository, service, features), {}
    unknown = {}
    for name in features:
        try:
            repository.select([name])
        except Unregistered as problem:
            unknown[name] = problem
    return repository.select([name for name in features if name not in unknown]), unknown


def _record(selected: Sequence[Selected], reads: Sequence[Read]) -> dict[str, dict[str, Any]]:
    return {
        str(one.reference): {
            "state": read.state.value,
            "value": read.value.hex() if isinstance(read.value, bytes) else read.value,
            "age_s": None if read.age_us is None else read.age_us / 1e6,
        }
        for one, read in zip(selected, reads, strict=True)
    }
