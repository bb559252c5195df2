"""Rows that name an entity instead of features, as the data plane needs them completed."""

from __future__ import annotations

from collections.abc import Awaitable, Container
from typing import Any, Protocol


class Filled(Protocol):
    """Rows that were completed with all that any version may take."""

    def fit(self, rows: list[Any], names: Container[str]) -> None:
        """Leave in the completed rows what a version takes.

        Args:
            rows: those that were completed.
            names: the inputs of the version.
        Raises: SeatrialError: one of these could not be found.
        """
        ...


class Completion(Protocol):
    """Puts features in the place of entities, before anybody picks a version.

    What goes wrong here is no version's fault, so it is no evidence about one either.
    """

    def look_up(self, endpoint: str, rows: list[Any]) -> Awaitable[Filled] | None:
        """Begin to complete rows in place.

        Args: rows: as they were read from the body, of any type.
        Returns: what to wait for, which raises what keeps the rows from being completed; None
            where there is nothing to do.
        Raises: SeatrialError: an entity that is none.
        """
        ...
