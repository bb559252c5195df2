"""Options and choices that the commands about features share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.features.view import Repository, Selected

F = TypeVar("F", bound=Callable[..., Any])


class TimeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
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


TIME = TimeType()


def repository_option(command: F) -> F:
    """``--repository``."""
    return click.option(
        "--repository",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of feature_store.yaml.  [default: features.repository of the configuration, "
        "else features]",
    )(command)


def which_option(command: F) -> F:
    """``--service`` and ``--feature``."""
    command = click.option("--service", help="The features of this feature service.")(command)
    return click.option(
        "--feature", "features", multiple=True, help="One feature, as VIEW:FEATURE; repeat it."
    )(command)


def selected_features(
    repository: Repository, service: str | None, features: Sequence[str]
) -> tuple[Selected, ...]:
    """What was asked for by either.   Raises: Unregistered, Unsupported."""
    if (service is None) == (not features):
        raise click.UsageError("Give --service or --feature.")
    return repository.of_service(service) if service else repository.select(features)
