"""Options that several commands share."""

from __future__ import annotations

import getpass
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.kernel.duration import BadDuration, parse_duration

F = TypeVar("F", bound=Callable[..., Any])


class DurationType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A duration such as ``90``, ``45s`` or ``1h30m``; the value is seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See `click.ParamType`."""
        try:
            return parse_duration(value)
        except BadDuration as bad:
            self.fail(str(bad), param, ctx)


DURATION = DurationType()


class NamesType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """Names, separated by commas."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """See `click.ParamType`."""
        if isinstance(value, tuple):
            return value
        found = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        if not all(found):
            self.fail(f"{value!r} holds an empty name.", param, ctx)
        return found


NAMES = NamesType()


class NumberType(click.FloatRange):
    """A number in a range; ``nan`` and ``inf``, which click lets pass, are none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See `click.ParamType`."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def workspace_options(command: F) -> F:
    """``--home`` and ``--config``."""
    command = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the state.  [default: $SEATRIAL_HOME, else .seatrial]",
    )(command)
    return config_option(command)


def config_option(command: F) -> F:
    """``--config``, for commands that need no state."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file.  [default: seatrial.yaml, if there is one]",
    )(command)


def loading_options(trusted: str) -> Callable[[F], F]:
    """``--trust``, which does what is said here, and ``--any-version``."""

    def add(command: F) -> F:
        command = click.option(
            "--any-version", is_flag=True, help="Accept another version of the model's library."
        )(command)
        return click.option("--trust", is_flag=True, help=trusted)(command)

    return add


def json_option(command: F) -> F:
    """``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
    )(command)


def whoami() -> str:
    """The name a person's decisions are recorded under."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
