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

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.filters import COUNTED, FILTERS, NAMES, written
from seatrial.gateway.prompts.meter import CHARS_OF_A_STEP, METER, Meter

MAX_SOURCE_CHARS = 100_000
_MAX_LOOPS = 3
_LOOP = {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"}

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
                loop.iter = nodes.Filter(loop.iter, COUNTED, [weight], [], None, None)
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
            for piece in self._template.generate({**values, METER: meter}):
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


def _environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=written,
        cache_size=0,
    )
    made.globals = {}
    made.filters = dict(FILTERS)
    kept = ("defined", "none", "string", "number", "mapping", "true", "false", "in", "eq", "ne")
    made.tests = {name: made.tests[name] for name in kept}
    return made


_ENVIRONMENT = _environment()


def _check(tree: nodes.Template, variables: set[str], where: str) -> None:
    for node in _every(tree):
        kind = type(node).__name__.lower()
        if not isinstance(node, _ALLOWED):
            raise _wrong(where, f"{kind} is not allowed (line {node.lineno})")
        if isinstance(node, nodes.Filter) and node.name not in NAMES:
            raise _wrong(where, f"there is no filter {node.name!r}; there are {', '.join(NAMES)}")
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
    return CHARS_OF_A_STEP * (len(inside) // 10 + 5 * n_compared)


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
