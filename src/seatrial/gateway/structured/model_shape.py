"""Shapes of Pydantic: models, and every type a TypeAdapter takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from seatrial.gateway.structured.failures import SchemaInvalid
from seatrial.gateway.structured.problem import Fault, Problem, json_path
from seatrial.gateway.structured.shape import Fits, Plain, written

T = TypeVar("T")


class ModelShape(Generic[T]):
    """Fits what the type takes in Pydantic's strict mode for JSON: a date is a text, a text of
    digits is no number.

    Args:
        of: a model, or a type such as ``list[Item]``, ``Literal["a", "b"]`` or a dataclass. What is
            made of a class is kept: the second shape of it costs next to nothing. Of other types,
            keep the shape.

    Raises: SchemaInvalid, for a type that JSON cannot hold.
    """

    def __init__(self, of: type[T]) -> None:
        self._known = _known(of)
        self._adapter: TypeAdapter[T] = self._known.adapter
        self.schema: Mapping[str, object] = self._known.schema
        self.name = self._known.name

    def check(self, plain: Plain) -> Fits[T] | tuple[Problem, ...]:
        """See Shape. Errors that validators raise, other than ValueError and AssertionError, are
        passed on."""
        try:
            return Fits(self._adapter.validate_json(plain.json, strict=True))
        except ValidationError as error:
            return tuple(
                Problem(json_path(_located(each["loc"], plain.value)), Fault.SCHEMA, each["msg"])
                for each in error.errors(
                    include_url=False, include_context=False, include_input=False
                )
            )

    def parts(self, values: Mapping[str, object]) -> dict[str, object]:
        """Of the fields of a model that are given by their names in JSON, those that fit, by their
        names in Python; each is held against its own type, and no validator of the model is asked.
        """
        found: dict[str, object] = {}
        for name, value in values.items():
            field = self._known.fields.get(name)
            if field is None:
                continue
            try:
                found[field[0]] = field[1].validate_json(written(value), strict=True)
            except ValidationError:
                continue
        return found

    def partial(self, fields: Mapping[str, object]) -> T | None:
        """An instance of the model with these fields and the defaults of the others, unvalidated;
        None where the type is no model."""
        model = self._known.model
        if model is None:
            return None
        return cast("T", model.model_construct(_fields_set=set(fields), **fields))


class _Known:
    """What Pydantic makes of a type, which takes it a millisecond."""

    def __init__(self, of: Any) -> None:
        try:
            self.adapter: TypeAdapter[Any] = TypeAdapter(of)
            self.schema: Mapping[str, object] = self.adapter.json_schema()
        except PydanticUserError as error:
            raise SchemaInvalid(
                f"No JSON schema can be made of {of!r}: {error.message.splitlines()[0]}",
                remedy="Use types that JSON can hold.",
            ) from error
        self.model = _model(of)
        named = str(self.schema.get("title") or getattr(of, "__name__", "answer"))
        self.name = re.sub(r"[^A-Za-z0-9_-]+", "_", named).strip("_")[:64] or "answer"

    @cached_property
    def fields(self) -> dict[str, tuple[str, TypeAdapter[Any]]]:
        """By the name in JSON, the name in Python and what checks it; empty for no model."""
        if self.model is None:
            return {}
        return {
            field.validation_alias if isinstance(field.validation_alias, str) else name: (
                name,
                TypeAdapter(cast("Any", Annotated[(field.annotation, None, *field.metadata)])),
            )
            for name, field in self.model.model_fields.items()
        }


def _known(of: Any) -> _Known:
    return _kept(of) if isinstance(of, type) else _Known(of)


_kept = lru_cache(maxsize=256)(_Known)


def _model(of: object) -> type[BaseModel] | None:
    return of if isinstance(of, type) and issubclass(of, BaseModel) else None


def _located(place: Sequence[int | str], value: object) -> Iterator[str | int]:
    """Where an error is in the value, without the names of branches that Pydantic puts between."""
    at = value
    for i, part in enumerate(place):
        if isinstance(part, int) and isinstance(at, list):
            at = at[part] if part < len(at) else None
            yield part
        elif isinstance(at, dict) and (part in at or i == len(place) - 1):
            at = at.get(part)
            yield part
