"""`seatrial features`: a Feast repository from its making to the comparison of its two stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.features.failures import Unregistered
from seatrial.features.online import Read, State
from seatrial.features.view import Repository, Selected
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import NotFound
from seatrial.wiring.features import (
    child_of,
    folder_of,
    keep,
    keys_of,
    now_us,
    open_repository,
    parsed_entity,
    read_entities,
    read_online,
)
from seatrial.wiring.features import (
    serve_check as compare_stores,
)
from seatrial.wiring.workspace import open_workspace

F = TypeVar("F", bound=Any)


class EndpointWithoutFeatures(NotFound):
    """An endpoint looks no features up."""

    code = "features.no_endpoint"


_MARKS = {State.PRESENT: "ok", State.NULL: "note", State.STALE: "bad", State.MISSING: "bad"}


class _Time(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A time such as ``2026-03-01`` or ``2026-03-01T12:00:00Z``; UTC where it names no zone."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """See `click.ParamType`."""
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-03-01T12:00:00Z.", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


_TIME = _Time()


def _repository_option(command: F) -> F:
    return click.option(
        "--repository",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of feature_store.yaml.  [default: features.repository of the configuration, "
        "else features]",
    )(command)


def _which(command: F) -> F:
    command = click.option("--service", help="The features of this feature service.")(command)
    return click.option(
        "--feature", "features", multiple=True, help="One feature, as VIEW:FEATURE; repeat it."
    )(command)


@click.group()
def features() -> None:
    """Features of a Feast repository: made, applied, materialized, read, compared."""


@features.command()
@click.option("--project", default="users", show_default=True, help="Name of Feast's project.")
@_repository_option
@workspace_options
@json_option
def init(
    project: str, repository: Path | None, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Write a repository to begin with: users, two features with a TTL of a day, sample data."""
    from seatrial.adapters.feast_scaffold import write_repository

    console = Console(as_json=as_json)
    folder = folder_of(open_workspace(home=home, config=config), repository)
    files = write_repository(folder, project=project, now=datetime.now(UTC))
    for file in files:
        console.step("ok", "wrote", str(file))
    console.step("note", "next", "seatrial features apply && seatrial features materialize")
    console.result({"repository": str(folder), "files": [str(file) for file in files]})
    return Exit.DONE


@features.command()
@_repository_option
@workspace_options
@json_option
def apply(repository: Path | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Register what the repository's Python files define, and tell serving of it."""
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    folder = open_repository(folder_of(workspace, repository))
    with child_of(workspace.settings.features, folder.path) as child:
        console.progress("apply", "Feast is started, which takes some ten seconds")
        found = keep(folder, child.apply())
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
@click.option("--start", type=_TIME, help="The same as a time.  [default: where it left off]")
@click.option("--end", type=_TIME, help="Values that became true by then.  [default: now]")
@click.option("--view", "views", multiple=True, help="Only this view; repeat it.")
@_repository_option
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
    folder = open_repository(folder_of(workspace, repository))
    end_s = now_us() / 1e6 if end is None else end.timestamp()
    start_s = start.timestamp() if start else None if since is None else end_s - since
    for view in views:
        folder.repository().view(view)
    with child_of(workspace.settings.features, folder.path) as child:
        console.progress("materialize", "Feast is started, which takes some ten seconds")
        found = keep(folder, child.materialize(start_s=start_s, end_s=end_s, views=views))
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
@click.option(
    "--at", type=_TIME, help="As of then, from the offline store.  [default: online, now]"
)
@_which
@_repository_option
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
    folder = open_repository(folder_of(workspace, repository))
    found = folder.repository()
    selected, unknown = _registered(found, service, features)
    keys = keys_of(selected)
    wanted = [parsed_entity(text, keys) for text in entities] if selected else []
    if at is None:
        reads = read_online(folder, selected, wanted, at_us=now_us()) if selected else []
    else:
        from seatrial.features.offline import EntityRow

        rows = [EntityRow(key=key, time_us=round(at.timestamp() * 1e6)) for key in wanted]
        with child_of(workspace.settings.features, folder.path) as child:
            console.progress("offline", "Feast is started, which takes some ten seconds")
            reads = [
                [Read(State.NULL if v is None else State.PRESENT, v) for v in values]
                for values in child.join(rows, selected)
            ]
    record = []
    for i, text in enumerate(entities):
        values = {} if not selected else _record(selected, reads[i])
        values |= {name: {"state": State.UNREGISTERED.value, "value": None} for name in unknown}
        record.append({"entity": text, "features": values})
        console.say(click.style(text, bold=True))
        for name, one in values.items():
            mark = _MARKS.get(State(one["state"]), "bad")
            age = "" if one.get("age_s") is None else f", {show_duration(one['age_s'])} old"
            shown = "" if one["value"] is None else f" {one['value']!r}"
            console.step(mark, one["state"], f"{name}{shown}{age}")
    console.result({"at": None if at is None else at.isoformat(), "entities": record})
    return Exit.NOT_FOUND if unknown else Exit.DONE


@features.command("serve-check")
@click.option(
    "--entities",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON Lines of the entities to compare.  [default: those with the newest values]",
)
@click.option(
    "--n", type=click.IntRange(1, 1_000_000), default=1000, show_default=True,
    help="How many of the newest.",
)  # fmt: skip
@_which
@_repository_option
@workspace_options
@json_option
def serve_check(
    entities: Path | None,
    n: int,
    service: str | None,
    features: tuple[str, ...],
    repository: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Compare what a training set gets with what serving sees, for the same entities, now.

    Exit code 3 says that they differ, 4 that there was nothing to compare.
    """
    from seatrial.features.serve_check import MEANING

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    folder = open_repository(folder_of(workspace, repository))
    with child_of(workspace.settings.features, folder.path) as child:
        console.progress("compare", "Feast is started, which takes some ten seconds")
        found = keep(folder, child.describe())
        selected = _selected(found, service, features)
        given = None if entities is None else read_entities(entities, keys_of(selected))
        checked = compare_stores(child, folder, selected, entities=given, n=n)
    for one in checked.features:
        mark = "bad" if one.n_different else "ok"
        hidden = f", {one.n_hidden:,} expired online" if one.n_hidden else ""
        agree = f"{one.n - one.n_different:,} of {one.n:,} entities agree"
        console.step(mark, one.reference, f"{agree} ({one.n_absent:,} have no value{hidden})")
        for difference, count in one.differences.items():
            console.say(f"      {count:,} {difference}: {MEANING[difference]}")
            example = one.examples[difference][0]
            key = ", ".join(f"{name}={value!r}" for name, value in example.key.items())
            console.say(
                f"      such as {key}: offline {example.offline!r}, online {example.online!r} "
                f"({example.state})"
            )
    if not checked.n_entities:
        console.step("note", "nothing", "no entity has a value offline that counts now")
    console.result(
        {
            "at_us": checked.at_us,
            "n_entities": checked.n_entities,
            "agrees": checked.agrees,
            "features": [
                {
                    "feature": one.reference,
                    "n": one.n,
                    "n_absent": one.n_absent,
                    "n_expired_online": one.n_hidden,
                    "differences": {kind.value: k for kind, k in one.differences.items()},
                    "oldest_s": None if one.oldest_us is None else one.oldest_us / 1e6,
                }
                for one in checked.features
            ],
        }
    )
    if not checked.n_entities:
        return Exit.INCONCLUSIVE
    return Exit.DONE if checked.agrees else Exit.GATE_FAILED


@features.command()
@click.argument("endpoint")
@click.option(
    "--since",
    type=DURATION,
    default="1d",
    show_default=True,
    help="Predictions so long ago or later.",
)
@click.option(
    "--n",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="How many of them at most.",
)
@workspace_options
@json_option
def skew(
    endpoint: str, since: float, n: int, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Compare what was served to ENDPOINT with what training gets for the same entities and times.

    What clearly differs becomes an alert of the endpoint like any other, and ends when a later
    comparison finds it gone. Exit code 3 says that something does.
    """
    from seatrial.features.plan import plan_of
    from seatrial.wiring.feature_skew import compare_served, tell

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    lookup = workspace.settings.features.endpoints.get(endpoint)
    if lookup is None:
        raise EndpointWithoutFeatures(
            f"The configuration has no features.endpoints.{endpoint}.",
            remedy="Name an endpoint that looks features up: "
            f"{', '.join(workspace.settings.features.endpoints) or 'there is none yet'}.",
            endpoint=endpoint,
        )
    folder = open_repository(folder_of(workspace))
    plan = plan_of(lookup, folder.repository())
    selected = [column.selected for column in plan.columns]
    with child_of(workspace.settings.features, folder.path) as child:
        console.progress("compare", "Feast is started, which takes some ten seconds")
        since_us = now_us() - round(since * 1e6)
        compared = compare_served(workspace, child, endpoint, selected, since_us=since_us, n=n)
    findings = tell(workspace, endpoint, compared)
    for one, finding in zip(compared, findings, strict=True):
        mark = "bad" if finding.level.trouble else "ok"
        same = f"{one.n - one.n_different:,} of {one.n:,} served values are what training gets"
        console.step(mark, one.reference, f"{same}: {finding.level}")
        for difference, count in one.differences.items():
            console.say(f"      {count:,} {difference}")
    console.result(
        {
            "endpoint": endpoint,
            "features": [
                {
                    "feature": one.reference,
                    "n": one.n,
                    "differences": {kind.value: k for kind, k in one.differences.items()},
                    "level": finding.level.value,
                }
                for one, finding in zip(compared, findings, strict=True)
            ],
        }
    )
    trouble = any(finding.level.trouble for finding in findings)
    return Exit.GATE_FAILED if trouble else Exit.DONE


def _selected(
    repository: Repository, service: str | None, features: Sequence[str]
) -> tuple[Selected, ...]:
    if (service is None) == (not features):
        raise click.UsageError("Give --service or --feature.")
    return repository.of_service(service) if service else repository.select(features)


def _registered(
    repository: Repository, service: str | None, features: Sequence[str]
) -> tuple[tuple[Selected, ...], list[str]]:
    """What of the features asked for is registered, and the names of the rest."""
    if service is not None or not features:
        return _selected(repository, service, features), []
    unknown = []
    for name in features:
        try:
            repository.select([name])
        except Unregistered:
            unknown.append(name)
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
