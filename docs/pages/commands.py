"""docs/reference/commands.md: every verb with its options, and the exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from pages.errors import kind
from pages.text import page, table
from seatrial.cli.app import root
from seatrial.cli.exits import _BY_KIND as EXIT_BY_KIND
from seatrial.cli.exits import Exit

_EXITS = {
    Exit.DONE: "done",
    Exit.UNEXPECTED: "an error nobody foresaw; `demo`: a version ended otherwise than it should",
    Exit.USAGE: "the command line is wrong",
    Exit.GATE_FAILED: "the version was rejected in staging, or its canary was aborted; "
    "`monitor report`: an alarm, or something critical; `experiment analyze`: do not ship; "
    "`evaluate`: the new version is worse",
    Exit.INCONCLUSIVE: "the evidence decides nothing yet: the release is held for a person; "
    "`monitor report`: too few rows; `experiment analyze`: not decided; "
    "`evaluate`: the rows cannot tell",
    Exit.INVALID: "what was given is wrong",
    Exit.NOT_FOUND: "the thing named does not exist",
    Exit.DENIED: "not allowed",
    Exit.CONFLICT: "it exists already, changed meanwhile, or another release is under way",
    Exit.LIMIT: "a bound was reached: size, memory, disk",
    Exit.UNAVAILABLE: "a part that is needed does not answer; `doctor`: a problem was found",
    Exit.MISSING_EXTRA: "an optional dependency is not installed",
    Exit.INTERRUPTED: "interrupted with Ctrl-C; what was recorded stays",
}


def commands_page() -> str:
    """Every verb with usage, text and options."""
    found = [*verbs()]
    return page(
        "Commands",
        [
            "One verb per use. What a person reads goes to stderr; with `--json`, one JSON",
            "document goes to stdout. `seatrial rag ask`, `search`, `versions`, `eval` and",
            "`analyze` write what was asked for to stdout without `--json`, too, so that",
            '`seatrial rag ask "..." > answer.txt` keeps the answer and its citations.',
            "Durations are seconds or texts such as `45s`, `10m` or `1h30m`.",
        ],
        [_entry(context.command_path) for context, _ in found],
        *([*_verb(context, verb)] for context, verb in found),
        ["## Exit codes"],
        table(["code", "name", "kinds of error", "meaning"], _exit_rows()),
    )


def verbs() -> Iterator[tuple[click.Context, click.Command]]:
    """Every command that does something; of a group those in it."""
    yield from _below(click.Context(root, info_name="seatrial"), root)


def _below(
    context: click.Context, group: click.Group
) -> Iterator[tuple[click.Context, click.Command]]:
    for name in group.list_commands(context):
        verb = group.get_command(context, name)
        assert verb is not None
        inner = click.Context(verb, info_name=name, parent=context)
        if isinstance(verb, click.Group):
            yield from _below(inner, verb)
        else:
            yield inner, verb


def _entry(path: str) -> str:
    return f"- [`{path}`](#{path.replace(' ', '-')})"


def _verb(context: click.Context, verb: click.Command) -> Iterator[str]:
    usage = " ".join([context.command_path, *verb.collect_usage_pieces(context)])
    yield f"## {context.command_path}"
    yield ""
    yield f"    {usage}"
    yield ""
    yield inspect.cleandoc(verb.help or "")
    options = [p for p in verb.params if isinstance(p, click.Option)]
    if options:
        yield ""
        yield from table(["option", "value", "meaning"], map(_option, options))


def _option(option: click.Option) -> list[str]:
    meaning = option.help or ""
    if option.show_default and option.default not in (None, False):
        meaning = f"{meaning} [default: {option.default}]".strip()
    value = "" if option.is_flag else _value(option.type)
    return [", ".join(f"`{name}`" for name in option.opts), value, meaning.replace("  [", " [")]


def _value(kind_of: click.ParamType) -> str:
    """What may be given, without click's own notation, which differs between its versions."""
    if isinstance(kind_of, click.Choice):
        return " or ".join(f"`{choice}`" for choice in kind_of.choices)
    if isinstance(kind_of, click.IntRange | click.FloatRange):
        return f"{kind_of.name.partition(' ')[0]}, {_range(kind_of)}"
    if isinstance(kind_of, click.Path):
        return "file" if not kind_of.dir_okay else "folder"
    return kind_of.name


def _range(kind_of: click.IntRange | click.FloatRange) -> str:
    if kind_of.max is None:
        return f"{'over' if kind_of.min_open else 'at least'} {kind_of.min}"
    return f"{'over ' if kind_of.min_open else ''}{kind_of.min} to {kind_of.max}"


def _exit_rows() -> Iterator[list[str]]:
    for code in Exit:
        kinds = ", ".join(kind(cls) for cls, exit_code in EXIT_BY_KIND.items() if exit_code is code)
        yield [str(int(code)), code.name.lower(), kinds, _EXITS[code]]
