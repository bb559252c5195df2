"""`seatrial rag eval` and `seatrial rag analyze`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.cli.rag_options import rag_options, rag_workspace, show_skipped
from seatrial.kernel.report_page import size
from seatrial.rag.evaluation.evaluation import Evaluation, Metric

if TYPE_CHECKING:
    from seatrial.rag.evaluation.trial import Trial

F = TypeVar("F", bound=Callable[..., Any])

_RANKED = (
    ("nDCG@{k}", Metric.NDCG),
    ("recall", Metric.RECALL),
    ("MRR", Metric.RECIPROCAL_RANK),
)
_ONE_PAGE = {"en": "#", "zh": "#"}


def _page_options(command: F) -> F:
    command = click.option(
        "--html",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write a page that needs nothing else.",
    )(command)
    return click.option("--language", type=click.Choice(["en", "zh"]), default="en")(command)


@click.command(name="eval")
@click.argument("questions", type=click.Path(path_type=Path))
@click.option("--version", type=click.IntRange(min=1), help="A version.  [default: the live one]")
@click.option("--against", type=click.IntRange(min=1), help="A version to compare it with.")
@click.option("--answers", is_flag=True, help="Ask, too: judge citations, support and refusals.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask the first so many questions only.")
@_page_options
@rag_options
@json_option
def evaluate(
    questions: Path,
    version: int | None,
    against: int | None,
    answers: bool,
    limit: int | None,
    html: Path | None,
    language: str,
    index: str | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Ask a set of QUESTIONS, and tell how good rankings and answers are.

    QUESTIONS is a file (JSONL, JSON, YAML) of records with question and documents, or a folder with
    queries.jsonl and qrels.tsv. With --against, exit code 3 says that the version is worse, 4 that
    more questions are needed to say.
    """
    from seatrial.rag.evaluation.questions import read_questions
    from seatrial.wiring.knowledge.evaluation import (
        EvaluationNotKept,
        evaluate_replies,
        evaluate_version,
        keep_evaluation,
        not_held,
    )
    from seatrial.wiring.knowledge.indexes import knowledge_config

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    asked = read_questions(questions)[:limit]
    if absent := not_held(workspace, name, asked, version=version):
        console.step(
            "note",
            "not held",
            f"{len(absent):,} of the documents that the questions name, such as {absent[0]!r}: "
            "name them as `seatrial rag search` does. They count as not found.",
        )
    progress = partial(_asked, console)
    if answers:
        found = asyncio.run(
            evaluate_replies(workspace, name, asked, version=version, progress=progress)
        )
    else:
        found = evaluate_version(workspace, name, asked, version=version, progress=progress)
    _show(console, found)
    try:
        keep_evaluation(workspace, found, at=datetime.now(UTC))
    except EvaluationNotKept as problem:
        console.step("note", "not kept", str(problem))
    if against is None:
        return _done(console, found, html, language)
    if answers:
        other = asyncio.run(
            evaluate_replies(workspace, name, asked, version=against, progress=progress)
        )
    else:
        other = evaluate_version(workspace, name, asked, version=against, progress=progress)
    return _compared(console, found, other, html, language)


def _done(console: Console, found: Evaluation, html: Path | None, language: str) -> int:
    from seatrial.rag.evaluation.evaluation_page import evaluation_page, evaluation_record

    if html is not None:
        write_output(html, evaluation_page(found, language, languages=_ONE_PAGE), option="--html")
        console.say(f"  page: {html}")
    console.result(evaluation_record(found))
    return Exit.DONE


def _compared(
    console: Console, found: Evaluation, other: Evaluation, html: Path | None, language: str
) -> int:
    from seatrial.rag.evaluation.comparison import Outcome, compare
    from seatrial.rag.evaluation.evaluation_page import (
        comparison_page,
        comparison_record,
        verdict,
    )

    shared = Metric.NDCG if Metric.NDCG in found.scores else Metric.CITATION_PRECISION
    comparison = compare(other, found, decided_by=shared)
    console.answer(verdict(comparison, language))
    if html is not None:
        write_output(
            html, comparison_page(comparison, language, languages=_ONE_PAGE), option="--html"
        )
        console.say(f"  page: {html}")
    console.result(comparison_record(comparison))
    match comparison.outcome:
        case Outcome.WORSE:
            return Exit.GATE_FAILED
        case Outcome.INCONCLUSIVE:
            return Exit.INCONCLUSIVE
        case _:
            return Exit.DONE


@click.command()
@click.option(
    "--questions",
    type=click.Path(path_type=Path),
    help="A set of questions, as for eval.  [default: some are made from the text]",
)
@_page_options
@rag_options
@json_option
def analyze(
    questions: Path | None,
    html: Path | None,
    language: str,
    index: str | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Read the documents, try chunkers and searches on them, and recommend what suits them."""
    from seatrial.rag.chunking.spoken import chunker_spoken
    from seatrial.rag.evaluation.analysis_page import (
        analysis_page,
        analysis_record,
        costs_told,
        counted,
        summary,
        told,
    )
    from seatrial.rag.evaluation.questions import read_questions
    from seatrial.wiring.knowledge.evaluation import analyze_corpus

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    asked = () if questions is None else read_questions(questions)

    def progress(stage: str, done: int, whole: int) -> None:
        console.progress(stage, f"{done:,} of {whole:,}" if whole else f"documents: {done:,}")

    analysis, lost = analyze_corpus(workspace, index, asked, progress=progress)
    corpus = analysis.corpus
    console.step(
        "ok",
        "corpus",
        f"{corpus.n_documents:,} documents, {corpus.characters.total:,} characters, "
        f"{corpus.n_tokens:,} tokens",
    )
    show_skipped(console, lost)
    for text in counted(analysis, language):
        console.answer(f"    {text}")
    console.answer()
    for trial in analysis.trials:
        console.answer(f"    {chunker_spoken(trial.chunker):<48} {_tried(trial)}")
    console.answer()
    console.answer(summary(analysis, language))
    for text in told(analysis, language):
        console.answer(f"  {text}")
    console.answer()
    for text in costs_told(analysis, language):
        console.answer(f"  {text}")
    if html is not None:
        write_output(html, analysis_page(analysis, language, languages=_ONE_PAGE), option="--html")
        console.say(f"  page: {html}")
    console.result(analysis_record(analysis) | {"skipped": [one.problem for one in lost]})
    return Exit.DONE


def _tried(trial: Trial) -> str:
    """How well and at what cost a way of searching found what was asked."""
    found = [f"{trial.mode.value:<8}"]
    for name, metric in _RANKED:
        mean = trial.evaluation.mean(metric)
        if mean is not None:
            found.append(f"{name.format(k=trial.evaluation.k)} {mean.mean:.3f} ")
    seconds = trial.evaluation.mean(Metric.SECONDS)
    if seconds is not None:
        found.append(f"{seconds.mean * 1000:.2f} ms ")
    return " ".join([*found, f"{size(trial.held_bytes)} of vectors"])


def _asked(console: Console, done: int, whole: int) -> None:
    console.progress("asking", f"{done:,} of {whole:,} questions")


def _show(console: Console, found: Evaluation) -> None:
    from seatrial.stats.interval_text import span

    for metric in Metric:
        mean = found.mean(metric)
        if mean is not None:
            name = metric.value.replace("_", " ")
            between = f"95 %: {span(mean.interval)}; " if mean.n > 1 else ""
            console.answer(f"  {name:<20} {mean.mean:.3f}  ({between}{mean.n:,} asked)")
    if found.abstention is not None:
        console.answer(f"  {'abstention AUC':<20} {found.abstention.value:.3f}")
