"""JSON schemas by jsonschema-rs: compiled once, every problem with its path, patterns in bounded
time. References outside the schema are refused, never fetched.

Why not jsonschema: it took 70 times as long for an order of four lines (0.10 ms against 0.0015),
its messages hold the values, and its patterns run on Python's `re`, which a caller's schema can
hang.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import orjson

from seatrial.gateway.structured.failures import SchemaInvalid
from seatrial.gateway.structured.problem import Fault, Problem, json_path
from seatrial.gateway.structured.schema_cost import (
    SchemaCost,
    Unbounded,
    depth_of,
    schema_cost,
)
from seatrial.gateway.structured.shape import Fits, Plain
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_BYTES = 128 * 1024
MAX_DEPTH = 100
_MAX_PROBLEMS = 100
_N_COMPILED = 256
_PATTERN_BYTES = 1 << 20
_MAX_BACKTRACKS = 100_000
_MAX_CHECKS = 20_000
"""Of one place of the value; a check takes about a microsecond."""


class JsonSchemaShape:
    """Fits what a JSON schema takes, as it is; dialect 2020-12 where the schema names none.

    Args:
        schema: at most `MAX_BYTES` of JSON, at most `MAX_DEPTH` deep.
        name: for the provider.

    Raises: SchemaInvalid, MissingExtra.
    """

    def __init__(self, schema: Mapping[str, object], *, name: str = "answer") -> None:
        self.schema = schema
        self.name = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64] or "answer"
        self._validator, self._cost = _compiled(_canonical(schema))

    def check(self, plain: Plain) -> Fits[object] | tuple[Problem, ...]:
        """See Shape. A value so deep that the schema could keep a processor busy does not fit."""
        if not self._cost.settled or self._cost.by_depth[-1] > _MAX_CHECKS:
            depth = depth_of(plain.value)
            if not self._cost.allows(depth, _MAX_CHECKS):
                message = f"nested {depth} deep, too deep for this schema"
                return (Problem("$", Fault.TOO_BIG, message),)
        if self._validator.is_valid(plain.value):
            return Fits(plain.value)
        found = []
        for error in self._validator.iter_errors(plain.value):
            found.append(Problem(json_path(error.instance_path), Fault.SCHEMA, error.message))
            if len(found) == _MAX_PROBLEMS:
                break
        return tuple(found)


def shape_maker() -> Callable[[Mapping[str, object], str], JsonSchemaShape]:
    """Makes shapes of schemas and names; equal schemas are compiled once.

    Raises: MissingExtra, at once and not at the first schema.
    """
    _library()
    return lambda schema, name: JsonSchemaShape(schema, name=name)


def _canonical(schema: Mapping[str, object]) -> bytes:
    try:
        written = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise _invalid(f"it is no JSON: {error}") from error
    if len(written) > MAX_BYTES:
        raise _invalid(f"it has {len(written)} bytes, more than {MAX_BYTES}")
    if _depth(written) > MAX_DEPTH:
        raise _invalid(f"it is nested more than {MAX_DEPTH} deep")
    return written


def _depth(written: bytes) -> int:
    """Most brackets within brackets; those within strings count, too, and can only add."""
    depth = deepest = 0
    for byte in re.findall(rb"[\[\]{}]", written):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


@lru_cache(maxsize=_N_COMPILED)
def _compiled(written: bytes) -> tuple[Validator, SchemaCost]:
    library = _library()
    linear = library.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    # Patterns that look around, such as Pydantic's for Decimal, need an engine that tracks back.
    bounded = library.FancyRegexOptions(
        backtrack_limit=_MAX_BACKTRACKS, size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES
    )
    for engine in (linear, bounded):
        try:
            compiled: Validator = library.validator_for(
                written.decode(), mask="the value", retriever=_refuse, pattern_options=engine
            )
        except (ValueError, library.ReferencingError) as error:
            failure = error
        else:
            return compiled, _cost(written)
    raise _invalid(str(failure).partition("\n")[0]) from failure


def _cost(written: bytes) -> SchemaCost:
    try:
        cost = schema_cost(orjson.loads(written))
    except Unbounded as error:
        raise _invalid(str(error)) from error
    if not cost.allows(0, _MAX_CHECKS):
        raise _invalid(f"it has more than {_MAX_CHECKS} branches at one place")
    return cost


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"{address} is outside the schema")


def _invalid(why: str) -> SchemaInvalid:
    return SchemaInvalid(
        f"The JSON schema of the answer cannot be used: {why}.",
        remedy="Give a valid JSON schema that refers to nothing outside itself.",
        field="response_format",
    )


def _library() -> ModuleType:
    try:
        import jsonschema_rs
    except ImportError as error:
        raise MissingExtra("jsonschema_rs", "gateway") from error
    return jsonschema_rs
