"""The port: who records what became of calls, as spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

Attribute: TypeAlias = str | bool | int | float | tuple[str, ...]
Attributes: TypeAlias = Mapping[str, Attribute]


class Span(Protocol):
    """One operation that was begun."""

    def end(self, told: Callable[[], Attributes], error_type: str | None = None) -> None:
        """It is over now; called once.

        Args:
            told: what is known of it besides; asked for once, at any time from now on, where the
                span is recorded.
            error_type: the kind of error it ended with; None where it ended well.
        """
        ...


class Tracer(Protocol):
    """Begins spans, as clients of another service."""

    def begin(self, name: str, asked: Callable[[], Attributes]) -> Span | None:
        """A span that begins now, within the one that is current here; None where nobody records
        any.

        Args:
            name: of the operation, of few values.
            asked: the attributes by which it may be decided whether to record it; asked for once,
                at any time from now on.
        """
        ...

    def flush(self) -> None:
        """Hand on what has ended."""
        ...
