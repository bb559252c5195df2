"""What a training function is called with: hyperparameters by name, and what seatrial gives it.

Runs in the process of a training, by a Python that need not have seatrial: standard library alone.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seatrial.adapters.training.values import MISSING, Refused, convert, plain

GIVEN = ("data", "more_data", "label", "seed", "out", "warm_start")
"""What seatrial gives to a function that declares a parameter of the name."""


def load(named: str) -> Callable[..., Any]:
    """The function of ``file.py:name`` or ``module:name``.   Raises: Refused."""
    place, _, name = named.rpartition(":")
    file = Path(place)
    module = _of_file(file) if file.suffix == ".py" or "/" in place else _of_name(place)
    function = getattr(module, name, None)
    if not callable(function):
        known = [
            key
            for key, one in vars(module).items()
            if inspect.isfunction(one) and one.__module__ == module.__name__
        ]
        raise Refused(
            "bad_function",
            f"{place} has no function {name!r}.",
            f"{_nearest(name, known)}Functions there are: {', '.join(known[:10]) or 'none'}.",
        )
    return typing.cast("Callable[..., Any]", function)


def _of_file(file: Path) -> Any:
    """A file as the module of its name, whatever else has that name."""
    if not file.is_file():
        raise Refused("bad_function", f"There is no file {str(file)!r}.", "Name one that exists.")
    sys.path.insert(0, str(file.resolve().parent))
    spec = importlib.util.spec_from_file_location(file.stem, file.resolve())
    if spec is None or spec.loader is None:
        raise Refused("bad_function", f"{str(file)!r} is no Python.", "Name a file of Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # what is pickled of it names it so
    spec.loader.exec_module(module)
    return module


def _of_name(name: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and (name == missing.name or name.startswith(f"{missing.name}.")):
            remedy = "Name it as FILE:FUNCTION, or install it."
            raise Refused("bad_function", f"There is no module {name!r}.", remedy) from missing
        raise


def bind(
    function: Callable[..., Any], values: dict[str, Any], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the function is called with, and the hyperparameters among it as plain JSON.

    Args:
        values: of hyperparameters, by name.
        given: what seatrial gives to functions that declare it: see `GIVEN`.
    Raises: Refused: a name is not known, or missing, or has a value of another type.
    """
    binding = _Binding(values, given)
    hints = _hints(function)
    takes_any = False
    for name, one in inspect.signature(function).parameters.items():
        match one.kind:
            case inspect.Parameter.VAR_KEYWORD:
                takes_any = True
            case inspect.Parameter.VAR_POSITIONAL:
                continue
            case inspect.Parameter.POSITIONAL_ONLY:
                problem = f"The function's parameter {name!r} cannot be passed by its name."
                raise Refused("bad_function", problem, "Take away the / after it.")
            case _:
                binding.add(name, hints.get(name, one.annotation), one.default)
    if takes_any:
        binding.add_rest()
    binding.check()
    return binding.arguments, plain(binding.shown)


class _Binding:
    """Grows parameter by parameter."""

    def __init__(self, values: dict[str, Any], given: dict[str, Any]) -> None:
        self.arguments: dict[str, Any] = {}
        self.shown: dict[str, Any] = {}
        self._left = dict(values)
        self._given = given
        self._known: list[str] = []

    def add(self, name: str, hint: Any, default: Any) -> None:
        """A parameter of the function."""
        if name in GIVEN and name not in self._left:
            self._add_given(name, hint, default)
        elif dataclasses.is_dataclass(hint) or hasattr(hint, "model_fields"):
            self._add_fields(name, hint, default)
        else:
            self._add_value(name, hint, default)

    def add_rest(self) -> None:
        """Whatever is left, for a function that takes any name."""
        more = {name: convert(name, v, MISSING, MISSING) for name, v in self._left.items()}
        self.arguments.update(more)
        self.shown.update(more)
        self._left.clear()

    def check(self) -> None:
        """Refuse what the function would not see."""
        for name in ("more_data", "warm_start"):
            if self._given.get(name) and name not in self.arguments:
                problem = f"There is a value of {name!r}, and the function does not take one."
                raise Refused("bad_function", problem, f"Let it declare a parameter {name!r}.")
        for name in self._left:
            raise Refused(
                "bad_parameter",
                f"The function has no hyperparameter {name!r}.",
                f"{_nearest(name, self._known)}It has: {', '.join(self._known) or 'none'}.",
            )

    def _add_given(self, name: str, hint: Any, default: Any) -> None:
        value = self._given.get(name)
        if value is not None:
            self.arguments[name] = _as_given(name, value, hint)
        elif default is MISSING and name == "warm_start":
            self.arguments[name] = None
        elif default is MISSING:
            problem = f"The function wants {name!r}, and none is given."
            remedy = f"Give it with --{name.replace('_', '-')}, or in the recipe."
            raise Refused("bad_parameter", problem, remedy)

    def _add_fields(self, name: str, hint: Any, default: Any) -> None:
        fields = _fields(hint)
        self._known += fields
        own = {key: self._left.pop(key) for key in list(self._left) if key in fields}
        self.arguments[name] = made = _made(hint, fields, own, default)
        self.shown.update({key: getattr(made, key) for key in fields})

    def _add_value(self, name: str, hint: Any, default: Any) -> None:
        self._known.append(name)
        if name in self._left:
            self.arguments[name] = convert(name, self._left.pop(name), hint, default)
            self.shown[name] = self.arguments[name]
        elif default is MISSING:
            raise _without(name)
        else:
            self.shown[name] = default


def _without(name: str) -> Refused:
    return Refused(
        "bad_parameter",
        f"The hyperparameter {name!r} has no default, and no value was given.",
        f"Give one, as --set {name}=VALUE.",
    )


def _hints(of: Any) -> dict[str, Any]:
    """Types by name; what cannot be resolved counts as none."""
    try:
        return typing.get_type_hints(of)
    except Exception:  # noqa: BLE001 - annotations are the user's, and may be anything
        return {}


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def _as_given(name: str, value: Any, hint: Any) -> Any:
    """Paths are `Path` unless the function says that it wants text."""
    if name == "more_data":
        return tuple(map(Path, value))
    if name in ("data", "out", "warm_start"):
        return value if hint is str else Path(value)
    return value


def _fields(hint: Any) -> dict[str, Any]:
    """Fields of a dataclass or a pydantic model, with their types."""
    if dataclasses.is_dataclass(hint):
        hints = _hints(hint)
        return {f.name: hints.get(f.name, f.type) for f in dataclasses.fields(hint) if f.init}
    return {name: field.annotation for name, field in hint.model_fields.items()}


def _made(hint: Any, fields: dict[str, Any], own: dict[str, Any], default: Any) -> Any:
    """A dataclass or a pydantic model with these values, over its default where it has one."""
    over = None if default is MISSING else default
    if over is not None and not own:
        return over
    if not dataclasses.is_dataclass(hint):  # pydantic reads texts by itself
        rest = {} if over is None else {name: getattr(over, name) for name in fields}
        return _called(hint, {**rest, **own})
    typed = {name: convert(name, value, fields[name], MISSING) for name, value in own.items()}
    if over is not None:
        return _called(lambda **changes: dataclasses.replace(over, **changes), typed)
    for field in dataclasses.fields(hint):
        lacks = field.default is field.default_factory is dataclasses.MISSING
        if field.init and lacks and field.name not in typed:
            raise _without(field.name)
    return _called(typing.cast("type[Any]", hint), typed)


def _called(make: Callable[..., Any], values: dict[str, Any]) -> Any:
    try:
        return make(**values)
    except Exception as problem:
        told = " ".join(f"The hyperparameters are refused: {problem}".split())
        raise Refused("bad_parameter", told[:500], "Correct them.") from problem
