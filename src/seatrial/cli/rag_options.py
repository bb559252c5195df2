"""Options that the commands of `seatrial rag` share, and the workspace they name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.kernel.config_file import MAX_BYTES, parse
from seatrial.kernel.errors import SeatrialError
from seatrial.wiring.workspace import Workspace, open_workspace

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
    """The workspace of a command: its configuration is a whole one, or that of one index.

    Raises: as `open_workspace`.
    """
    if config is None or not _is_one_index(config):
        return open_workspace(home=home, config=config)
    from seatrial.wiring.all_settings import read_knowledge_file

    settings = read_knowledge_file(config)
    return replace(open_workspace(home=home), settings=settings, config=config.resolve())


def _is_one_index(config: Path) -> bool:
    """Whether a file is `rag_config.yaml`, whatever its name; who reads it says what is wrong."""
    with suppress(OSError, ValueError, SeatrialError), config.open("rb") as file:
        return "documents" in parse(file.read(MAX_BYTES + 1), str(config))
    return False
