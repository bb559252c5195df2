"""What adapters of vector servers share: failures, addresses without secrets, names of fields."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import urlsplit

from seatrial.kernel.errors import SeatrialError, Unavailable
from seatrial.rag.index.conditions import Equals, In, Range, Scalar, satisfies
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Point
from seatrial.rag.index.weaken import Leaf


class VectorsUnavailable(Unavailable):
    """A vector server does not answer, or refuses."""

    code = "rag.vectors_unavailable"


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Tell what a client raises as one error.

    Args: where: the server, for people.
    Raises: VectorsUnavailable.
    """
    try:
        yield
    except SeatrialError:
        raise
    except Exception as problem:
        said = str(problem).partition("\n")[0][:300] or type(problem).__name__
        raise VectorsUnavailable(
            f"{where} did not do what it was asked to: {said}.",
            remedy="See that it runs, that the address is right and that the key is valid.",
        ) from problem


def shown(url: str) -> str:
    """An address without what may be secret in it: its user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}" if host else url.partition("?")[0]


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,100}")


def name_of(field: str) -> str:
    """A field of metadata as every server can name it: plain names are still read by people."""
    if _PLAIN.fullmatch(field):
        return f"m_{field}"
    return "x_" + field.encode("utf-8", "surrogatepass").hex()


_EXACT = 2**53
_LARGEST = sys.float_info.max

OPEN, BY, META = "open", "by", "meta"
"""Fields of what is kept with a vector: whether everybody reads it, or else who; its metadata."""

Flat: TypeAlias = dict[str, str | float | bool | list[str]]


def typed_name(field: str, value: Scalar) -> str:
    """Where values of one kind lie: servers that give a field one type cannot mix them."""
    kind = "b" if isinstance(value, bool) else "s" if isinstance(value, str) else "n"
    return f"{kind}{name_of(field)}"


def flat(point: Point) -> Flat:
    """What is kept with a vector by servers that know no nested fields.

    Texts are lists, since a field may hold several; numbers are floats; the whole metadata lies
    beside them as JSON, to be held against conditions that the server cannot judge.
    """
    kept: Flat = {META: json.dumps(point.metadata), "document": point.document}
    if point.readers is None:
        kept[OPEN] = True
    elif point.readers:
        kept[BY] = sorted(point.readers)
    for field, value in point.metadata.items():
        match value:
            case tuple():
                if value:
                    kept[typed_name(field, "")] = list(value)
            case str():
                kept[typed_name(field, value)] = [value]
            case bool():
                kept[typed_name(field, value)] = value
            case _:
                kept[typed_name(field, value)] = number(value)
    return kept


def number(value: float) -> float:
    """A number as JSON has it: infinity is the largest there is."""
    return max(-_LARGEST, min(float(value), _LARGEST))


def kept_satisfies(meta: str, scope: Scope) -> bool:
    """Whether metadata that lies as JSON satisfies a scope's condition."""
    held = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(meta).items()}
    return scope.where is None or satisfies(held, scope.where)


def can_flat(leaf: Leaf, negated: bool) -> bool:  # noqa: FBT001 - see `weaken.Can`
    """What such servers judge as it is meant: equality and ranges of numbers, no complements, of
    which none says what it makes of a field that is not there."""
    return not negated and can_complement(leaf, negated)


def can_complement(leaf: Leaf, negated: bool) -> bool:  # noqa: ARG001, FBT001 - see `weaken.Can`
    """The same of those who say: a complement holds where the field is not there."""
    match leaf:
        case Equals(_, value):
            return _is_exact(value)
        case In(_, values):
            return all(map(_is_exact, values))
        case Range():
            bounds = list(bounds_of(leaf).values())
            return bool(bounds) and all(
                _is_exact(bound) and not isinstance(bound, str) for bound in bounds
            )


def _is_exact(value: Scalar) -> bool:
    """Whether numbers that are kept as floats compare with it as they should."""
    return isinstance(value, str | bool) or abs(value) < _EXACT


def bounds_of(condition: Range) -> dict[str, str | float]:
    """The bounds that are set, by name."""
    named = {name: getattr(condition, name) for name in ("gt", "gte", "lt", "lte")}
    return {name: bound for name, bound in named.items() if bound is not None}
