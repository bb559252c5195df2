"""Options that the commands of `seatrial rag` share, and the workspace they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.wiring.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


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
