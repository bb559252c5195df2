"""Values of hyperparameters in the types that a function declares, and as plain JSON. Pure.

Runs in the process of a training, by a Python that need not have seatrial: standard library alone.
"""

from __future__ import annotations

import enum
import inspect
import json
import math
import types
import typing
from collections.abc import Callable
from typing import Any

MISSING: Any = inspect.Parameter.empty
"""Stands for no type, and for no default."""

_TRUE, _FALSE, _NONE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}, {"none", "null", ""}


class Refused(Exception):
    """The function or a hyperparameter is not as it has to be.

    Args: kind: ``bad_function`` or ``bad_parameter``.
    """

    def __init__(self, kind: str, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.said = {"kind": kind, "problem": problem, "remedy": remedy}


def convert(name: str, value: Any, hint: Any, default: Any) -> Any:
    """A value in the type that the function declares, or that its default has.

    Args: value: as YAML or a search has it, or the text of a command line.
    Raises: Refused.
    """
    if hint in (MISSING, Any, None) or isinstance(hint, (str, typing.TypeVar)):
        hint = type(default) if isinstance(default, (bool, int, float, str)) else Any
    try:
        return _as(value, hint)
    except (ValueError, TypeError, OverflowError, StopIteration):
        pass
    shown = getattr(hint, "__name__", None) or str(hint)
    if typing.get_origin(hint) is not None:
        shown = str(hint).replace("typing.", "")
    raise Refused(
        "bad_parameter",
        f"The hyperparameter {name!r} is {str(value)[:80]!r}; it has to be of the type {shown}.",
        "Give a value of that type; numbers have to be finite.",
    )


def _as(value: Any, hint: Any) -> Any:
    """Raises: ValueError, TypeError: it is no such value."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _as_one_of(value, parts)
    if origin is typing.Literal:
        return next(one for one in parts if _is_same(value, one))
    if origin is typing.Annotated:
        return _as(value, parts[0])
    if origin in (list, tuple, set, frozenset):
        return _as_several(value, origin, parts)
    return _guessed(value) if hint is Any else _as_class(value, origin or hint)


def _is_same(value: Any, one: Any) -> bool:
    return bool((value == one and type(value) is type(one)) or str(one) == value)


def _as_several(value: Any, origin: Any, parts: tuple[Any, ...]) -> Any:
    inner = parts[0] if parts else Any
    several = json.loads(value) if isinstance(value, str) else value
    if not isinstance(several, list | tuple):
        raise ValueError
    return origin(_as(one, inner) for one in several)


def _as_one_of(value: Any, parts: tuple[Any, ...]) -> Any:
    if type(None) in parts and (value is None or str(value).lower() in _NONE):
        return None
    if not isinstance(value, str) and type(value) in parts:
        return value
    for one in sorted(parts, key=lambda part: part is str):  # text takes anything: last
        try:
            return _as(value, one)
        except (ValueError, TypeError, OverflowError, StopIteration):
            continue
    raise ValueError


def _as_class(value: Any, hint: Any) -> Any:
    if hint in _READERS:
        return _READERS[hint](value)
    if not isinstance(hint, type):
        return _guessed(value)
    if issubclass(hint, enum.Enum):
        return _member(value, hint)
    if isinstance(value, hint):
        return value
    make: Callable[[Any], Any] = hint
    plural = issubclass(hint, list | tuple | set | dict) and isinstance(value, str)
    return make(json.loads(value) if plural else value)


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _TRUE | _FALSE:
        raise ValueError
    return value.lower() in _TRUE


def _as_int(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _as_str(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _as_none(value: Any) -> None:
    if value is not None and str(value).lower() not in _NONE:
        raise ValueError


def _member(value: Any, kind: type[enum.Enum]) -> enum.Enum:
    for one in kind:
        if value == one.value or str(value) in (one.name, str(one.value)):
            return one
    raise ValueError


_READERS: dict[Any, Callable[[Any], Any]] = {
    bool: _as_bool,
    int: _as_int,
    float: _as_float,
    str: _as_str,
    type(None): _as_none,
}


def _guessed(value: Any) -> Any:
    """Text of a command line that nobody gave a type: a number, a truth, else text."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            found = kind(value)
        except ValueError:
            continue
        return found if math.isfinite(found) else value
    return value


def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for becomes text."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | str):
        return value
    small = isinstance(value, int) and value.bit_length() < 63
    if small or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)[:1000]
