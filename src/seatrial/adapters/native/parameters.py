"""What a model of known classes was told to do: parameters that make it read files or call code.

The rules of import (`registry.allowed`) let classes in, not what their parameters make of them: a
vectorizer with ``input="filename"`` opens whatever file a client names. The loaded objects are
looked at, not the pickle: there is one way to be an object, and many to write one down.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from seatrial.registry.unsafe import UnsafeModel

_TEXT: Final = "sklearn.feature_extraction."
_CONTENT: Final = "content"

_CALLED: Final = frozenset(
    (
        "affinity",
        "analyzer",
        "func",
        "inverse_func",
        "kernel",
        "metric",
        "preprocessor",
        "strip_accents",
        "tokenizer",
    )
)
"""Parameters of scikit-learn that hold a function it calls with what a client sent."""

_PURE: Final = (np.asarray, np.clip, np.nan_to_num, np.ravel)
"""Functions besides the elementwise ones of numpy and scipy that only turn numbers into numbers.

Not ``numpy.max`` and its kin: they make one string of an array of strings, and a booster takes a
string for the path of a file to predict.
"""

_ATOMS: Final = (str, bytes, int, float, complex, type(None))
_CLOSED: Final = (*_ATOMS, type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def check_parameters(model: object, file: str) -> None:
    """Refuse a model with a parameter that reads files or calls what is no function of numbers.

    Args:
        model: just loaded, not yet used.
        file: its name, for the message.
    Raises: UnsafeModel naming the class and the parameter.
    """
    for found in _reachable(model):
        if not type(found).__module__.startswith("sklearn."):
            continue
        for name, value in _attributes(found).items():
            if problem := _problem(found, name, value):
                raise UnsafeModel(
                    f"{file} holds {type(found).__name__}({problem}.",
                    remedy="Save it without that parameter; pass --trust only if you made the "
                    "file yourself and every client may do that.",
                    parameter=name,
                )


def _problem(owner: object, name: str, value: Any) -> str:
    """The rest of a sentence that begins with the class and a bracket; empty if all is well."""
    if name == "input" and type(owner).__module__.startswith(_TEXT):
        if type(value) is str and value == _CONTENT:
            return ""
        return f"input={value!r}), which opens the files that clients name"
    if not callable(value) or type(value).__module__.startswith("sklearn."):
        return ""
    if callable(getattr(type(owner), name, None)):
        return f"...) whose own method {name!r} was replaced by {_spelled(value)}"
    if name in _CALLED and not isinstance(value, np.ufunc) and not _is_pure(value):
        return f"{name}={_spelled(value)}), which calls that on what clients send"
    return ""


def _is_pure(value: object) -> bool:
    return any(value is known for known in _PURE)


def _spelled(value: Any) -> str:
    kind = type(value)
    module = getattr(value, "__module__", None) or kind.__module__
    return f"{module}.{getattr(value, '__name__', kind.__name__)}"


def _attributes(found: object) -> dict[str, Any]:
    return getattr(found, "__dict__", None) or {}


def _reachable(model: object) -> Iterator[object]:
    """Every object the model holds, itself first; nothing of its libraries."""
    seen: set[int] = set()
    todo: list[object] = [model]
    held: list[object] = []  # what is made on the way must not give its identity to another
    while todo:
        found = todo.pop()
        if isinstance(found, _CLOSED) or id(found) in seen:
            continue
        seen.add(id(found))
        held.append(found)
        yield found
        if isinstance(found, np.ndarray | np.generic) and found.dtype.hasobject:
            # numpy does not show the collector what its arrays hold
            todo.append(np.asarray(found).ravel().tolist())
        todo += gc.get_referents(found)
