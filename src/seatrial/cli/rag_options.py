"""What the commands of `seatrial rag` share: options, the workspace, telling what was skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.cli.output import Console
from seatrial.rag.loading.outcome import Skipped
from seatrial.wiring.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = 5


def rag_options(command: F) -> F:
    """``--index``, ``--config`` and ``--home``."""
    command = click.option("--index", help="Which index.  [default: the only one configured]")(
        command
    )
    command = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the state.  [default: $SEATRIAL_HOME, else .seatrial]",
    )(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The file rag_config.yaml, or seatrial.yaml with a section knowledge.  [default: "
        "seatrial.yaml, if there is one]",
    )(command)


def rag_workspace(home: Path | None, config: Path | None) -> Workspace:
    """The workspace of a command.   Raises: as `open_workspace`."""
    from seatrial.wiring.all_settings import workspace_of

    return workspace_of(home=home, config=config)


def show_skipped(console: Console, skipped: Sequence[Skipped]) -> None:
    """How many sources could not be loaded, why, and what to do about the first of them."""
    for reason, n in Counter(one.reason for one in skipped).most_common():
        console.step("note", "skipped", f"{n:,}: {reason.value.replace('_', ' ')}")
    for one in skipped[:_SHOWN]:
        console.say(f"      {one.problem} {one.remedy}")
    if len(skipped) > _SHOWN:
        console.say(f"      and {len(skipped) - _SHOWN:,} more; --json has them all")
