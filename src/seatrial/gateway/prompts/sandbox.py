"""Templates that can only put data into text.

Jinja's sandbox keeps templates from the interpreter; this one also keeps them from most of Jinja. A
template is read into a tree, and a tree with anything but output, conditions, loops, comparisons
and a few filters is refused: no calls, no attributes other than keys of data, no macros, includes
or assignments. While it is rendered, iterations, filters and output are counted against bounds.

What is not bounded in a process: the time of one operation on one value, which is linear in its
size, and so in the bounds on variables (`variables.MAX_CHARS`). Together with `Limits.max_steps` it
keeps the most hostile template that was tried to 1.3 s of a processor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from seatrial.gateway.prompts.failures import PromptInvalid

MAX_SOURCE_CHARS = 100_000
_MAX_LOOPS = 3
_METER = "_meter"
_LOOP = {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"}
_CHARS_OF_A_STEP = 100

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Tuple,
    nodes.List,
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one rendering.

    Args:
        max_chars: of all its messages together, >= 1.
        max_steps: iterations of loops and uses of filters, >= 1; a filter on a long text counts
            once more for each hundred characters, an iteration for each ten parts of its body and
            five times for each comparison.
    """

    max_chars: int = 400_000
    max_steps: int = 50_000


class Meter:
    """Counts what a rendering uses up."""

    def __init__(self, limits: Limits) -> None:
        self._chars = limits.max_chars
        self._steps = limits.max_steps
        self._limits = limits

    def step(self, n_chars: int = 0) -> None:
        """Some work.   Raises: PromptInvalid, beyond the bound."""
        self._steps -= 1 + n_chars // _CHARS_OF_A_STEP
        if self._steps < 0:
            raise _too_much(f"takes more than {self._limits.max_steps} steps")

    def write(self, n_chars: int) -> None:
        """Some output.   Raises: PromptInvalid, beyond the bound."""
        self._chars -= n_chars
        if self._chars < 0:
            raise _too_much(f"gives more than {self._limits.max_chars} characters")


class Compiled:
    """A template that was checked.

    Args:
        source: at most `MAX_SOURCE_CHARS`.
        variables: names it may use.
        where: part of which prompt, for messages.

    Raises: PromptInvalid.
    """

    def __init__(self, source: str, variables: Iterable[str], *, where: str) -> None:
        self._where = where
        if len(source) > MAX_SOURCE_CHARS:
            raise _wrong(where, f"it has more than {MAX_SOURCE_CHARS} characters")
        try:
            tree = _ENVIRONMENT.parse(source)
            _check(tree, set(variables), where)
            for loop in list(tree.find_all(nodes.For)):
                weight = nodes.Const(_weight(loop))
                loop.iter = nodes.Filter(loop.iter, "counted", [weight], [], None, None)
            tree.set_environment(_ENVIRONMENT)
            code = _ENVIRONMENT.compile(tree)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise _wrong(where, f"{error.message}{f' (line {line})' if line else ''}") from error
        except (RecursionError, ValueError, SyntaxError, MemoryError) as error:
            raise _wrong(where, "it is nested too deep or has a number too long") from error
        self._template = Template.from_code(_ENVIRONMENT, code, {})

    def render(self, values: Mapping[str, object], meter: Meter) -> str:
        """The text.

        Args:
            values: plain data, by variable.
        Raises: PromptInvalid, for a key that is not there, a value that cannot be compared or
            written, or a bound that is passed.
        """
        pieces = []
        try:
            for piece in self._template.generate({**values, _METER: meter}):
                meter.write(len(piece))
                pieces.append(piece)
        except TemplateError as error:
            raise _wrong(self._where, str(error.message)) from error
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise _wrong(self._where, f"it cannot be rendered: {error}") from error
        return "".join(pieces)


class _Environment(ImmutableSandboxedEnvironment):
    """Gives keys of data, and of loops what they count; adds numbers, and no texts or lists, which
    could grow without an output being written."""

    intercepted_binops = frozenset({"+"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if type(left) in {int, float} and type(right) in {int, float}:
            return super().call_binop(context, operator, left, right)
        raise TemplateError("only numbers are added; write texts one after the other")

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(obj) is dict and type(argument) is str and argument in obj:
            return obj[argument]
        in_range = type(obj) in {list, str} and type(argument) is int
        if in_range and -len(obj) <= argument < len(obj):
            return obj[argument]
        if isinstance(obj, Undefined):
            return obj
        return self.undefined(obj=obj if type(obj) is dict else {}, name=str(argument))


def _written(value: object) -> object:
    """What an output shows: text, numbers, true and false, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        raise TemplateError("a list or object is shown by the filters tojson and join alone")
    return value


def _meter(context: Context) -> Meter:
    meter = context.resolve(_METER)
    assert isinstance(meter, Meter)
    return meter


@pass_context
def _counted(context: Context, items: Any, weight: int) -> _Counted:
    if not isinstance(items, list | tuple | dict | Undefined):
        raise TemplateError("a loop goes over a list or the keys of an object")
    return _Counted(list(items), weight, _meter(context))


class _Counted:
    """Items that are counted as they are taken; how many there are is known, as loops ask for."""

    def __init__(self, items: list[object], weight: int, meter: Meter) -> None:
        self._items = items
        self._weight = weight
        self._meter = meter

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        for item in self._items:
            self._meter.step(self._weight)
            yield item


def _text(value: object) -> str:
    if isinstance(value, Undefined):
        return str(value)
    return str(_written(value))


@pass_context
def _upper(context: Context, value: object) -> str:
    return _used(context, _text(value).upper())


@pass_context
def _lower(context: Context, value: object) -> str:
    return _used(context, _text(value).lower())


@pass_context
def _title(context: Context, value: object) -> str:
    return _used(context, _text(value).title())


@pass_context
def _trim(context: Context, value: object) -> str:
    return _used(context, _text(value).strip())


@pass_context
def _join(context: Context, value: Any, separator: str = "") -> str:
    meter = _meter(context)
    if type(value) not in {list, tuple}:
        raise TemplateError("join takes a list")
    pieces = []
    for item in value:
        piece = _text(item)
        meter.step(len(piece) + len(separator))
        pieces.append(piece)
    return separator.join(pieces)


@pass_context
def _tojson(context: Context, value: object) -> str:
    if isinstance(value, Undefined):
        return str(value)
    return _used(context, json.dumps(value, ensure_ascii=False))


@pass_context
def _indent(context: Context, value: object, width: int = 4) -> str:
    if type(width) is not int or not 0 <= width <= 40:
        raise TemplateError("indent takes a width in [0, 40]")
    return _used(context, _text(value).replace("\n", "\n" + " " * width))


@pass_context
def _first_chars(context: Context, value: object, most: int) -> str:
    return _used(context, _text(value))[: max(0, most)]


@pass_context
def _length(context: Context, value: Any) -> int:
    _meter(context).step()
    return len(value)


@pass_context
def _items(context: Context, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise TemplateError("items takes an object")
    _meter(context).step(len(value))
    return list(value.items())


def _default(value: object, instead: object = "") -> object:
    return instead if value is None or isinstance(value, Undefined) else value


def _used(context: Context, text: str) -> str:
    _meter(context).step(len(text))
    return text


def _environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_written,
        cache_size=0,
    )
    made.globals = {}
    made.filters = {
        "counted": _counted,
        "default": _default,
        "first_chars": _first_chars,
        "indent": _indent,
        "items": _items,
        "join": _join,
        "length": _length,
        "lower": _lower,
        "title": _title,
        "tojson": _tojson,
        "trim": _trim,
        "upper": _upper,
    }
    kept = ("defined", "none", "string", "number", "mapping", "true", "false", "in", "eq", "ne")
    made.tests = {name: made.tests[name] for name in kept}
    return made


_ENVIRONMENT = _environment()
FILTERS = tuple(sorted(set(_ENVIRONMENT.filters) - {"counted"}))
"""The filters that templates may use."""


def _check(tree: nodes.Template, variables: set[str], where: str) -> None:
    for node in _every(tree):
        kind = type(node).__name__.lower()
        if not isinstance(node, _ALLOWED):
            raise _wrong(where, f"{kind} is not allowed (line {node.lineno})")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise _wrong(where, f"there is no filter {node.name!r}; there are {', '.join(FILTERS)}")
        if isinstance(node, nodes.For) and (node.recursive or node.else_):
            raise _wrong(where, f"a loop is recursive or has an else (line {node.lineno})")
        if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args or node.dyn_kwargs):
            raise _wrong(where, f"{node.name} has arguments by * (line {node.lineno})")
    _names(tree, variables, where)
    if _loops(tree) > _MAX_LOOPS:
        raise _wrong(where, f"it has more than {_MAX_LOOPS} loops within each other")


def _names(node: nodes.Node, known: set[str], where: str) -> None:
    """Refuse names that are neither variables nor of a loop around."""
    waiting: list[tuple[nodes.Node, frozenset[str]]] = [(node, frozenset(known))]
    while waiting:
        at, names = waiting.pop()
        if isinstance(at, nodes.Name) and at.ctx == "load" and at.name not in names:
            raise _wrong(where, f"{at.name!r} is no variable of the prompt (line {at.lineno})")
        if isinstance(at, nodes.Name) and at.ctx == "store" and at.name.startswith("_"):
            raise _wrong(where, f"{at.name!r} begins with an underscore (line {at.lineno})")
        if not isinstance(at, nodes.For):
            waiting += [(child, names) for child in at.iter_child_nodes()]
            continue
        targets = {
            n.name
            for n in [at.target, *at.target.find_all(nodes.Name)]
            if isinstance(n, nodes.Name)
        }
        inner = names | targets | {"loop"}
        waiting.append((at.iter, names))
        waiting += [(child, inner) for child in (at.target, at.test, *at.body) if child is not None]


def _every(tree: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.iter_child_nodes()


def _weight(loop: nodes.For) -> int:
    """What an iteration counts for, in characters: a comparison may read long values."""
    inside = [node for child in loop.body for node in _every(child)]
    n_compared = sum(isinstance(node, nodes.Compare | nodes.Test) for node in inside)
    return _CHARS_OF_A_STEP * (len(inside) // 10 + 5 * n_compared)


def _loops(tree: nodes.Node) -> int:
    """How many loops stand within each other at most."""
    deepest = 0
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += isinstance(node, nodes.For)
        deepest = max(deepest, depth)
        waiting += [(child, depth) for child in node.iter_child_nodes()]
    return deepest


def _wrong(where: str, why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The template {where} cannot be used: {why}.",
        remedy="Use output, if, for, comparisons and the filters of prompts alone, on the "
        "variables the prompt declares.",
        template=where,
    )


def _too_much(why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The rendering of a prompt {why}.",
        remedy="Give shorter variables, or a prompt that repeats less.",
    )
