"""`seatrial rag search` and `seatrial rag ask`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import NAMES, json_option
from seatrial.cli.output import Console
from seatrial.cli.rag_options import rag_options, rag_workspace
from seatrial.rag.answering.reply import Reply
from seatrial.rag.index.conditions import Condition, condition_of
from seatrial.rag.knowledge.asked import Asked, Knowledge
from seatrial.rag.knowledge.record import reply_record, retrieved_record
from seatrial.rag.retrieval.found import Found
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Span

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_WIDTH = 200


class ConditionType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A condition on metadata, as JSON."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Condition:
        """See `click.ParamType`.   Raises: ConditionInvalid."""
        try:
            written = json.loads(str(value))
        except (ValueError, RecursionError) as error:
            self.fail(f"{str(value)[:_WIDTH]!r} is not JSON: {error}.", param, ctx)
        return condition_of(written)


def _asked_options(command: F) -> F:
    command = click.option(
        "--version", type=click.IntRange(min=1), help="Of the index.  [default: the live one]"
    )(command)
    command = click.option(
        "--readers",
        type=NAMES,
        help="Groups the asker belongs to, by commas.  [default: all documents are read]",
    )(command)
    command = click.option(
        "--filter", "where", type=ConditionType(), help='A condition: \'{"year": {"gte": 2020}}\'.'
    )(command)
    return click.option(
        "-k", type=click.IntRange(1, 1000), help="Passages wanted.  [default: as configured]"
    )(command)


@click.command()
@click.argument("question")
@_asked_options
@rag_options
@json_option
def search(question: str, home: Path | None, config: Path | None, **given: Any) -> int:
    """The passages that most likely answer QUESTION, the best first."""
    console = Console(as_json=given["as_json"])

    async def found(knowledge: Knowledge, name: str) -> Any:
        return await knowledge.search(name, _asked(question, given))

    retrieved = _run(home, config, given["index"], found)
    _show_rewriting(console, retrieved.rewriting)
    for rank, one in enumerate(retrieved.found, start=1):
        _show(console, rank, one)
    if not retrieved.found:
        console.answer("Nothing was found.")
    console.result(retrieved_record(retrieved))
    return Exit.DONE


@click.command()
@click.argument("question")
@_asked_options
@rag_options
@json_option
def ask(question: str, home: Path | None, config: Path | None, **given: Any) -> int:
    """An answer to QUESTION whose sentences cite, or an honest refusal.

    Exit code 0: it was answered; 4: the documents do not say.
    """
    console = Console(as_json=given["as_json"])

    async def answered(knowledge: Knowledge, name: str) -> Reply:
        return await knowledge.answer(name, _asked(question, given))

    reply = _run(home, config, given["index"], answered)
    _show_rewriting(console, reply.rewriting)
    console.answer(reply.text)
    for one in reply.citations:
        console.answer()
        console.answer(f"  [{one.number}] {_place(one.document, one.source, one.page, one.span)}")
        console.answer(f"      {_short(one.text)}")
    for sentence in reply.sentences:
        if sentence.withheld:
            console.step("note", "withheld", f"{_short(sentence.text)} {sentence.verdict.reason}")
    console.result(reply_record(reply))
    return Exit.DONE if reply.refusal is None else Exit.INCONCLUSIVE


def _asked(question: str, given: dict[str, Any]) -> Asked:
    readers = given["readers"]
    return Asked(
        question=question,
        k=given["k"],
        where=given["where"],
        readers=None if readers is None else frozenset(readers),
        version=given["version"],
    )


def _run(
    home: Path | None,
    config: Path | None,
    index: str | None,
    work: Callable[[Knowledge, str], Awaitable[T]],
) -> T:
    from seatrial.wiring.knowledge.here import knowledge_here
    from seatrial.wiring.knowledge.indexes import knowledge_config

    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)

    async def run() -> T:
        async with knowledge_here(workspace) as knowledge:
            return await work(knowledge, name)

    return asyncio.run(run())


def _show_rewriting(console: Console, rewriting: Rewriting | None) -> None:
    if rewriting is None:
        return
    for wording in rewriting.wordings:
        console.step("note", "also searched", _short(wording))
    if rewriting.problem is not None:
        console.step("note", "searched as asked", f"{rewriting.by}: {_short(rewriting.problem)}")


def _show(console: Console, rank: int, found: Found) -> None:
    passage = found.passage
    place = _place(passage.document, passage.source, passage.page, passage.span)
    console.answer(f"{rank:>3}. {_short(passage.title) or place}  ({found.score:.3f})")
    console.answer(f"     {place}")
    console.answer(f"     {_short(passage.text)}")


def _place(document: str, source: str, page: int | None, span: Span) -> str:
    name = _short(document if document.startswith(source) else source)
    return f"{name}{f', page {page}' if page else ''}, characters {span.start} to {span.end}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
