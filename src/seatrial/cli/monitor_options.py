"""Options that the commands of `seatrial monitor` share, and the file they name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.kernel.config import load
from seatrial.kernel.store import Store
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.workspace import open_workspace

F = TypeVar("F", bound=Callable[..., Any])

PREFIX = "SEATRIAL_MONITORING__"
"""Of the variables that go over the file; the same ones go over the section of seatrial.yaml."""


def file_option(*, required: bool) -> Callable[[F], F]:
    """``--config``: the file monitoring.yaml."""
    without = "" if required else "  [default: the store of the workspace's server]"
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        required=required,
        help=f"The file monitoring.yaml.{without}",
    )


def home_option(command: F) -> F:
    """``--home``."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the workspace's state.  [default: $SEATRIAL_HOME, else .seatrial]",
    )(command)


def read_file(config: Path) -> tuple[MonitoringFile, Path]:
    """The configuration, and the folder where its relative paths begin.

    Raises: ConfigMissing, ConfigUnreadable, ConfigInvalid.
    """
    return load(config, MonitoringFile, os.environ, prefix=PREFIX), config.resolve().parent


def store_of(config: Path | None, home: Path | None) -> tuple[Store, str | None]:
    """The store where alerts and reports are, and the endpoint that the file names.

    Args:
        config: monitoring.yaml of a log; None, or one without data, for the workspace.
    Raises: see `read_file` and `open_workspace`.
    """
    if config is None:
        return open_workspace(home=home).open_store(), None
    file, folder = read_file(config)
    if file.data is None:
        return open_workspace(home=home).open_store(), file.endpoint
    out = WatchFolder.of(file, folder)
    out.make()
    return out.open_store(), file.endpoint
