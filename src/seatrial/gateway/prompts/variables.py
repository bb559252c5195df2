"""The variables of a prompt: typed, checked before anything is rendered, every problem at once."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from seatrial.gateway.prompts.failures import VariablesInvalid

MAX_CHARS = 100_000
_MAX_DEPTH = 16
_SHOWN = 40


class VariableType(StrEnum):
    """What a variable holds. LIST and OBJECT hold plain JSON."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


class Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variable.

    Args:
        required: whether it must be given; one with a default need not be. What is neither given
            nor has a default is null.
        enum: the values it may have; empty for any.
        max_chars: of a text, or of a list or object as JSON; >= 1.
    """

    type: VariableType = VariableType.TEXT
    required: bool = True
    default: object = None
    enum: tuple[object, ...] = ()
    max_chars: int = MAX_CHARS
    description: str = ""


def checked(
    variables: Mapping[str, Variable], given: Mapping[str, object], *, prompt: str
) -> dict[str, object]:
    """The value of every variable.

    Args:
        prompt: its name, for the message.
    Raises: VariablesInvalid, with every problem: one missing, unknown, of the wrong type, not among
        those allowed, too long.
    """
    problems = [_unknown(name, variables) for name in given if name not in variables]
    values: dict[str, object] = {}
    for name, variable in variables.items():
        if name in given:
            problems += [f"{name} {problem}" for problem in wrongs(variable, given[name])]
            values[name] = given[name]
        elif variable.required and variable.default is None:
            problems.append(f"{name} is missing")
        else:
            values[name] = variable.default
    if problems:
        raise VariablesInvalid(
            f"The variables of prompt {prompt!r} are wrong: {'; '.join(problems)}.",
            remedy="Give every variable as the prompt declares it.",
            prompt=prompt,
            problems=problems,
        )
    return values


def wrongs(variable: Variable, value: object) -> list[str]:
    """What is wrong with a value, each as the end of a sentence; the value itself is not shown."""
    if value is None and not variable.required:
        return []
    wrong = _wrong_type(variable.type, value)
    if wrong is not None:
        return [wrong]
    problems = []
    size = len(value) if isinstance(value, str) else _size(value)
    if size > variable.max_chars:
        problems.append(f"has {size} characters, more than {variable.max_chars}")
    if variable.enum and not any(_same(value, member) for member in variable.enum):
        allowed = ", ".join(json.dumps(m, ensure_ascii=False) for m in variable.enum)
        problems.append(f"is none of {allowed}")
    return problems


def _wrong_type(wanted: VariableType, value: object) -> str | None:
    """Why a value is not of a type."""
    types: dict[VariableType, tuple[type, ...]] = {
        VariableType.TEXT: (str,),
        VariableType.INTEGER: (int,),
        VariableType.NUMBER: (int, float),
        VariableType.BOOLEAN: (bool,),
        VariableType.LIST: (list,),
        VariableType.OBJECT: (dict,),
    }
    is_bool = type(value) is bool
    if type(value) not in types[wanted] or is_bool != (wanted is VariableType.BOOLEAN):
        return f"is no {wanted}"
    return _not_plain(value)


def _not_plain(value: object) -> str | None:
    """Why a value is not plain JSON: types as they are, not those derived from them."""
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        deeper: list[object] = []
        for item in level:
            if type(item) is dict:
                if any(type(key) is not str for key in item):
                    return "has a key that is no text"
                deeper += [*item, *item.values()]
            elif type(item) is list:
                deeper += item
            elif type(item) not in {str, int, float, bool, type(None)}:
                return f"holds a {type(item).__name__}, which is no JSON"
            elif isinstance(item, float) and not math.isfinite(item):
                return "holds a number that is not finite"
            elif isinstance(item, str) and not _whole(item):
                return "holds half a character"
        if not deeper:
            return None
        level = deeper
    return f"is nested more than {_MAX_DEPTH} deep"


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _same(value: object, member: object) -> bool:
    return type(value) is type(member) and value == member


def _unknown(name: str, known: Sequence[str] | Mapping[str, Variable]) -> str:
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "..."
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{shown!r} is not known" + (f", did you mean {near[0]}?" if near else "")
