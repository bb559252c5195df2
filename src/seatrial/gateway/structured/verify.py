"""Whether a text is the answer: read, held against the shape, coerced where it has one reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from seatrial.gateway.structured.coerce import Coercion, branches_of, coerce
from seatrial.gateway.structured.problem import Fault, Problem, Repair, json_path
from seatrial.gateway.structured.read import DEFAULTS, Ending, Found, ReadOptions, read
from seatrial.gateway.structured.shape import Fits, Plain, Shape, written
from seatrial.gateway.structured.strict_schema import without_fillers

T = TypeVar("T")


class Accepted(msgspec.Struct, Generic[T], frozen=True):
    """An answer that is what was asked for.

    Args:
        value: as the shape gives it.
        text: the answer as strict JSON.
        repairs, coercions: what was put right; none of both for an answer that came well.
    """

    value: T
    text: str
    repairs: tuple[Repair, ...] = ()
    coercions: tuple[Coercion, ...] = ()


def verify(
    text: str,
    shape: Shape[T],
    *,
    ending: Ending = Ending.WHOLE,
    fillers: bool = False,
    options: ReadOptions = DEFAULTS,
) -> Accepted[T] | tuple[Problem, ...]:
    """The answer in a text, or everything that is wrong with it.

    Of several JSON values in one text the one that fits is the answer. Several that fit are none,
    unless they are equal: it is not known which was meant.

    Args:
        ending: see `read`.
        fillers: whether nulls may stand for keys left out; see `strict_schema`.
    """
    reading = read(text, ending=ending, options=options)
    if reading.problem is not None:
        return (reading.problem,)
    judged = [_judge(found, shape, fillers=fillers) for found in reading.found]
    fitting = [each for each in judged if isinstance(each, Accepted)]
    if len(fitting) == 1 or len({each.text for each in fitting}) == 1:
        return fitting[-1]
    if fitting:
        message = f"the answer has {len(fitting)} different values that fit"
        return (Problem("$", Fault.AMBIGUOUS, message),)
    last = judged[-1]
    return last if isinstance(last, tuple) else ()


def _lacking(found: Found, root: Mapping[str, object]) -> Problem | None:
    """What is wrong with brackets that were added: an object closed so must have every key that the
    schema names, since one that may be left out may also have been to come."""
    at: object = found.value
    branches = branches_of(root, root)
    path: list[str] = []
    for _ in range(found.n_closed):
        named = [b["properties"] for b in branches if isinstance(b.get("properties"), Mapping)]
        keys = {
            key for properties in named if isinstance(properties, Mapping) for key in properties
        }
        if not isinstance(at, dict) or not keys or not keys <= set(at):
            return Problem(
                json_path(path), Fault.OPEN, "it has no closing bracket, and keys may be missing"
            )
        last = next(reversed(at))
        branches = [
            inner
            for properties in named
            if isinstance(properties, Mapping) and isinstance(properties.get(last), Mapping)
            for inner in branches_of(properties[last], root)
        ]
        path.append(last)
        at = at[last]
    return None


def _judge(found: Found, shape: Shape[T], *, fillers: bool) -> Accepted[T] | tuple[Problem, ...]:
    value, text = found.value, found.text
    lacking = _lacking(found, shape.schema)
    if lacking is not None:
        return (lacking,)
    if fillers and (text is None or "null" in text):
        stripped = without_fillers(value, shape.schema)
        if stripped != value:
            value, text = stripped, None
    fits = shape.check(Plain(value, text))
    if isinstance(fits, Fits):
        return Accepted(fits.value, text or written(value), found.repairs)
    coerced = coerce(value, shape.schema)
    if not coerced.coercions:
        return fits
    again = shape.check(Plain(coerced.value))
    if isinstance(again, Fits):
        return Accepted(again.value, written(coerced.value), found.repairs, coerced.coercions)
    return again
