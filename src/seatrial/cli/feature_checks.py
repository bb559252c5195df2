"""`seatrial features serve-check` and `skew`: whether serving sees what training gets."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.feature_options import repository_option, selected_features, which_option
from seatrial.cli.options import DURATION, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.features.failures import EndpointWithoutFeatures
from seatrial.wiring.features import commands as wired
from seatrial.wiring.workspace import open_workspace


@click.command("serve-check")
@click.option(
    "--entities",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON Lines of the entities to compare.  [default: those with the newest values]",
)
@click.option(
    "--n", type=click.IntRange(1, 1_000_000), default=1000, show_default=True,
    help="How many of the newest.",
)  # fmt: skip
@which_option
@repository_option
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
    folder = wired.open_repository(wired.folder_of(workspace, repository))
    with wired.child_of(workspace.settings.features, folder.path) as child:
        console.progress("compare", "Feast is started, which takes some ten seconds")
        found = wired.keep(folder, child.describe())
        selected = selected_features(found, service, features)
        given = None if entities is None else wired.read_entities(entities, wired.keys_of(selected))
        checked = wired.serve_check(child, folder, selected, entities=given, n=n)
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


@click.command()
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
    from seatrial.wiring.features.skew import compare_served, tell

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    lookup = workspace.settings.features.endpoints.get(endpoint)
    if lookup is None:
        known = tuple(workspace.settings.features.endpoints)
        raise EndpointWithoutFeatures(endpoint, known=known)
    folder = wired.open_repository(wired.folder_of(workspace))
    plan = plan_of(lookup, folder.repository())
    selected = [column.selected for column in plan.columns]
    with wired.child_of(workspace.settings.features, folder.path) as child:
        console.progress("compare", "Feast is started, which takes some ten seconds")
        since_us = wired.now_us() - round(since * 1e6)
        compared = compare_served(
            workspace, child, endpoint, selected,
            since_us=since_us, n=n, max_age_us=plan.max_age_us,
        )  # fmt: skip
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


CHECK_COMMANDS = (serve_check, skew)
