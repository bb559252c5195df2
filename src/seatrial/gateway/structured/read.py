"""JSON as models write it: the values in a text, and what had to be put right to read them.

Nothing is guessed. A text whose value could be two things is refused: a string or a number that is
left open, a key twice with different values, quotes within quotes. What is refused is asked for
again, which costs a call; a wrong value costs more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from seatrial.gateway.structured.problem import Fault, Problem, Repair
from seatrial.gateway.structured.tolerant import MAX_DIGITS, Parser, Unreadable


class NotANumber(StrEnum):
    """What becomes of NaN and infinities, which JSON does not have."""

    REFUSE = "refuse"
    NULL = "null"


class Ending(StrEnum):
    """How the text ended: by the model itself, in an unknown way, or cut off."""

    WHOLE = "whole"
    UNKNOWN = "unknown"
    CUT = "cut"


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and policies of reading.

    Args:
        max_chars: of the text, >= 1.
        max_depth: of brackets within brackets, in [1, 200].
        max_starts: how many opening brackets are tried, >= 1; time is at most this times the text.
    """

    max_chars: int = 1_000_000
    max_depth: int = 64
    max_starts: int = 32
    not_a_number: NotANumber = NotANumber.REFUSE


class Found(msgspec.Struct, frozen=True):
    """One value of a text.

    Args:
        value: of dicts with str keys, lists, str, int, float, bool and None; floats are finite.
        text: the value as strict JSON where it stood so in the text, else None.
        n_closed: how many brackets were added: of the value, of the value of its last key, and so
            on. What is closed so may lack keys; only the schema knows.
    """

    value: object
    text: str | None
    repairs: tuple[Repair, ...]
    n_closed: int = 0


class Reading(msgspec.Struct, frozen=True):
    """The values of a text, in order.

    Args:
        found: objects and lists, or the one value that is the whole text; empty with a problem.
    """

    found: tuple[Found, ...]
    problem: Problem | None = None


DEFAULTS = ReadOptions()


def read(text: str, *, ending: Ending = Ending.WHOLE, options: ReadOptions = DEFAULTS) -> Reading:
    """The JSON values in a text; never raises, in time linear in its length.

    Read besides strict JSON: code fences, prose around, trailing commas, single and typographic
    quotes, comments, keys without quotes, literals of Python, numbers such as ``+1`` and ``.5``,
    line breaks in strings, wide punctuation, a key twice with the same value. Closing brackets
    of objects may be missing at the end of a whole text when neither a string, a number nor a list
    is open and no comma promises more.

    Once a value that is plainly JSON breaks, nothing in the text counts: a part of an answer is
    not the answer.

    Args:
        ending: brackets are added to a WHOLE text only; of a CUT one only an object or list that
            is strict JSON from end to end is read.
    """
    if len(text) > options.max_chars:
        message = f"the answer has {len(text)} characters, more than {options.max_chars}"
        return _refused(Problem("$", Fault.TOO_BIG, message))
    try:
        text.encode()
    except UnicodeEncodeError:
        return _refused(Problem("$", Fault.SYNTAX, "the answer has half a character"))
    stripped = text.strip()
    value = _strict(stripped, options)
    if value is not _NOT_STRICT:
        if ending is not Ending.CUT or isinstance(value, dict | list):
            return Reading((Found(value, stripped, ()),))
        return _refused(Problem("$", Fault.CUT, "the answer was cut off"))
    return _tolerant(text, ending, options)


class _NotStrict:
    pass


_NOT_STRICT = _NotStrict()


def _strict(text: str, options: ReadOptions) -> object:
    """The value of strict JSON without doubled keys, infinities or half characters."""
    try:
        value: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _NOT_STRICT
    if text.count("[") + text.count("{") > options.max_depth and _deeper(value, options.max_depth):
        return _NOT_STRICT
    if "\\u" in text and not _encodable(value):
        return _NOT_STRICT
    return value


def _single(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _short(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError
    return number


def _refuse_constant(_: str) -> float:
    raise ValueError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_single,
    parse_int=_short,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)


def _encodable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _deeper(value: object, depth: int) -> bool:
    """Whether brackets stand in brackets more than ``depth`` deep."""
    level = _containers([value])
    for _ in range(depth):
        if not level:
            return False
        level = _containers(
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
        )
    return bool(level)


def _containers(items: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [item for item in items if isinstance(item, dict | list)]


def _tolerant(text: str, ending: Ending, options: ReadOptions) -> Reading:
    parser = Parser(
        text,
        may_close=ending is Ending.WHOLE,
        max_depth=options.max_depth,
        nan_as_null=options.not_a_number is NotANumber.NULL,
    )
    found: list[Found] = []
    first: Problem | None = None
    outside, read_to = [], 0
    position, n_starts = _next_start(text, 0), 0
    while position >= 0:
        n_starts += 1
        if n_starts > options.max_starts:
            return _refused(
                Problem("$", Fault.AMBIGUOUS, "the answer has too much that may be JSON")
            )
        try:
            value = parser.container(position)
        except Unreadable as broken:
            if broken.committed:
                return _refused(broken.problem)
            first = first or broken.problem
            position = _next_start(text, position + 1)
            continue
        found.append(Found(value, None, tuple(parser.repairs), parser.n_closed))
        outside.append(text[read_to:position])
        read_to = parser.position
        position = _next_start(text, parser.position)
    if not found:
        nothing = Problem("$", Fault.NOTHING, "there is no JSON in the answer")
        return _refused(first or nothing)
    if len(found) > 1 and found[-1].n_closed:
        return _refused(Problem("$", Fault.OPEN, "the last of several values is incomplete"))
    if ending is Ending.CUT:
        return _refused(Problem("$", Fault.CUT, "the answer was cut off"))
    outside.append(text[read_to:])
    around = _around("".join(outside))
    return Reading(
        tuple(
            Found(each.value, None, tuple(sorted({*each.repairs, *around})), each.n_closed)
            for each in found
        )
    )


def _next_start(text: str, position: int) -> int:
    starts = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
    return min(starts, default=-1)


_FENCE = re.compile(r"```[\w+-]*")


def _around(outside: str) -> frozenset[Repair]:
    kinds = {Repair.FENCE} if "```" in outside else set()
    if _FENCE.sub("", outside).strip():
        kinds.add(Repair.PROSE)
    return frozenset(kinds)


def _refused(problem: Problem) -> Reading:
    return Reading((), problem)
