"""A feature repository as our code needs it: views, their keys, types and TTL, and services.

What is not here (sources, transformations, tags) stays Feast's own business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from seatrial.features.failures import Unregistered, Unsupported


class ValueType(StrEnum):
    """The type of a value, in Feast's words; anything else is ``other`` and cannot be served."""

    BYTES = "bytes"
    STRING = "string"
    INT32 = "int32"
    INT64 = "int64"
    DOUBLE = "double"
    FLOAT = "float"
    BOOL = "bool"
    UNIX_TIMESTAMP = "unix_timestamp"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Field:
    """A named value of a view: a join key or a feature."""

    name: str
    type: ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A group of features with the same keys and the same times.

    Args:
        name: as it is registered.
        online_name: what the online store knows it as; differs where versions are switched on.
        join_keys: identify an entity; one or more.
        features: what it holds.
        ttl_us: microseconds after which a value counts no more, > 0; None for never.
    """

    name: str
    online_name: str
    join_keys: tuple[Field, ...]
    features: tuple[Field, ...]
    ttl_us: int | None

    def feature(self, name: str) -> Field:
        """A feature by name.   Raises: Unregistered."""
        for field in self.features:
            if field.name == name:
                return field
        names = [field.name for field in self.features]
        raise _unregistered(f"The view {self.name!r} has no feature {name!r}", name, names)


@dataclass(frozen=True, slots=True)
class Reference:
    """A feature of a view, written ``view:feature``."""

    view: str
    feature: str

    def __str__(self) -> str:
        return f"{self.view}:{self.feature}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Features that are used together under a name.

    Args:
        unsupported: why its features cannot be looked up here; None where they can.
    """

    name: str
    features: tuple[Reference, ...]
    unsupported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the values of a view come from, as it was when the repository was last asked.

    Args:
        kind: of the source, in Feast's word, such as ``FileSource``; None where nobody said.
        name: of the source.
        place: a path, a table or the beginning of a query.
        materialized_us: up to when values were written to the online store, in microseconds since
            1970; None for never.
    """

    kind: str | None = None
    name: str | None = None
    place: str | None = None
    materialized_us: int | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """A feature that was asked for, found."""

    view: View
    field: Field

    @property
    def reference(self) -> Reference:
        """How it is written."""
        return Reference(self.view.name, self.field.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What is registered in a project.

    Args: origins: of views by name, of those where it is known.
    """

    project: str
    views: tuple[View, ...]
    services: tuple[Service, ...] = ()
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict)

    def view(self, name: str) -> View:
        """A view by name.   Raises: Unregistered."""
        for view in self.views:
            if view.name == name:
                return view
        names = [view.name for view in self.views]
        raise _unregistered(f"There is no feature view {name!r}", name, names)

    def service(self, name: str) -> Service:
        """A service by name.   Raises: Unregistered."""
        for service in self.services:
            if service.name == name:
                return service
        names = [service.name for service in self.services]
        raise _unregistered(f"There is no feature service {name!r}", name, names)

    def of_service(self, name: str) -> tuple[Selected, ...]:
        """The features of a service.   Raises: Unregistered, Unsupported."""
        service = self.service(name)
        if service.unsupported is not None:
            raise Unsupported(
                f"The feature service {name!r} {service.unsupported}.",
                remedy="Name the features of plain feature views one by one instead.",
                service=name,
            )
        return self._found(service.features)

    def select(self, references: Iterable[str]) -> tuple[Selected, ...]:
        """The features of references such as ``user_stats:avg_order_value``, in their order.

        Raises: Unregistered; Unsupported: a type that is no single value.
        """
        return self._found([self._parsed(text) for text in references])

    def _parsed(self, text: str) -> Reference:
        view, colon, feature = text.partition(":")
        if view and colon and feature:
            return Reference(view, feature)
        wanted = feature or view
        known = [Reference(one.name, field.name) for one in self.views for field in one.features]
        same = [str(one) for one in known if wanted in (one.view, one.feature)]
        listed = ", ".join((same or [*map(str, known)])[:10]) or "user_stats:avg_order_value"
        raise Unregistered(
            f"{text!r} names no feature of a view.",
            remedy=f"Write it as VIEW:FEATURE, such as {listed}.",
            name=text,
            nearest=same[0] if same else None,
        )

    def _found(self, references: Sequence[Reference]) -> tuple[Selected, ...]:
        found = []
        for reference in dict.fromkeys(references):
            view = self.view(reference.view)
            field = view.feature(reference.feature)
            if ValueType.OTHER in {field.type, *(key.type for key in view.join_keys)}:
                raise Unsupported(
                    f"The feature {str(reference)!r} is no single number, text or time.",
                    remedy="Leave it out, or make features of single values of it.",
                    feature=str(reference),
                )
            found.append(Selected(view, field))
        return tuple(found)


def by_view(selected: Iterable[Selected]) -> Mapping[View, tuple[str, ...]]:
    """The names of features by their view, in order."""
    names: dict[View, list[str]] = {}
    for one in selected:
        names.setdefault(one.view, []).append(one.field.name)
    return {view: tuple(of_view) for view, of_view in names.items()}


def _unregistered(problem: str, name: str, known: Sequence[str]) -> Unregistered:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    listed = ", ".join(sorted(known)[:10]) or "nothing"
    return Unregistered(
        f"{problem}{hint}",
        remedy=f"Name one that is registered ({listed}), or define it and run: "
        "seatrial features apply",
        name=name,
        nearest=near[0] if near else None,
    )
