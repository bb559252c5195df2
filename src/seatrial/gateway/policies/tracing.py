"""The port: who records what became of calls, as spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

Attribute: TypeAlias = str | bool | int | float | Sequence[str]


class Span(Protocol):
    """One operation that was begun."""

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        """Say more about it."""
        ...

    def end(self, error_type: str | None = None) -> None:
        """It is over; with the kind of error it ended with, or None where it ended well."""
        ...


class Tracer(Protocol):
    """Begins spans, as clients of another service."""

    def begin(self, name: str, attributes: Mapping[str, Attribute]) -> Span | None:
        """A span within the one that is current here; None where nobody records it.

        Args:
            name: of the operation, of few values.
            attributes: by which it may be decided whether to record it.
        """
        ...
