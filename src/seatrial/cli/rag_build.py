"""`seatrial rag build`, and what can be done with the versions it makes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option
from seatrial.cli.output import Console
from seatrial.cli.rag_options import rag_options, rag_workspace, show_skipped
from seatrial.rag.index.writing import VersionFacts
from seatrial.rag.ingest.report import IngestReport

if TYPE_CHECKING:
    from seatrial.adapters.index.leftovers import DraftFacts


@click.command()
@click.option("--shrink", is_flag=True, help="Publish even where most documents are gone.")
@click.option("--rehash", is_flag=True, help="Read every file, even one that looks unchanged.")
@rag_options
@json_option
def build(
    index: str | None,
    home: Path | None,
    config: Path | None,
    shrink: bool,
    rehash: bool,
    as_json: bool,
) -> int:
    """Load documents, and publish a version of the index with what changed.

    What did not change is neither read nor embedded again. A build that was ended goes on where it
    was. While it runs the version before answers.
    """
    from seatrial.wiring.knowledge.indexes import build_index, knowledge_config

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    console.progress("reading", name)
    report = build_index(
        workspace,
        name,
        told=lambda so_far: console.progress("building", _so_far(so_far)),
        shrink=shrink,
        rehash=rehash,
    )
    _show(console, name, report)
    console.result(_record(name, report))
    return Exit.DONE


@click.command()
@rag_options
@json_option
def versions(index: str | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """The versions of an index, the newest last."""
    from seatrial.wiring.knowledge.indexes import knowledge_config
    from seatrial.wiring.knowledge.leftovers import standing_of

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    found = standing_of(workspace, name)
    for one in found.versions:
        mark = ", ".join(found.roles(one))
        console.answer(
            f"  {one.version:>4}  {one.created:%Y-%m-%d %H:%M}  {one.n_documents:>8,} documents  "
            f"{one.n_chunks:>9,} chunks  {one.recipe.embedder or 'words alone'}  {mark}"
        )
    records = [
        {**_version(one), "live": found.answers(one), "roles": found.roles(one)}
        for one in found.versions
    ]
    if found.draft is not None:
        console.answer(f"  draft  {_draft(found.draft)}")
        records.append({"version": None, "live": False, "draft": _draft_record(found.draft)})
    console.result(records)
    return Exit.DONE


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@rag_options
@json_option
def discard(
    index: str | None, home: Path | None, config: Path | None, dry_run: bool, as_json: bool
) -> int:
    """Remove what of an index nothing needs, and tell what that freed.

    That is a draft whose build was ended, versions beyond `keep_versions`, and files that killed
    builds left. The live version stays, and each that a release has in production, under test or
    on trial, or that a rollback goes to. While a build runs nothing is removed.
    """
    from seatrial.wiring.knowledge.indexes import knowledge_config
    from seatrial.wiring.knowledge.leftovers import discard_leftovers

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    found = discard_leftovers(workspace, name, dry_run=dry_run)
    if found.draft is not None:
        console.step("ok", "draft", _draft(found.draft))
    if found.versions:
        console.step("ok", "versions", ", ".join(map(str, found.versions)))
    freed = f"{found.n_bytes / 1e6:,.1f} MB"
    if not found.n_bytes:
        console.step("ok", name, "everything that is kept is needed")
    else:
        console.step("ok", name, f"{freed} would be freed" if dry_run else f"{freed} freed")
    console.result(
        {
            "index": name,
            "dry_run": dry_run,
            "draft": None if found.draft is None else _draft_record(found.draft),
            "versions": found.versions,
            "bytes": found.n_bytes,
        }
    )
    return Exit.DONE


def _draft(draft: DraftFacts) -> str:
    state = "being built" if draft.is_building else "not being built"
    return (
        f"begun {draft.begun:%Y-%m-%d %H:%M}, last written {draft.written:%Y-%m-%d %H:%M}, "
        f"{draft.n_bytes / 1e6:,.1f} MB, {state}"
    )


def _draft_record(draft: DraftFacts) -> dict[str, Any]:
    return {
        "begun": draft.begun.isoformat(),
        "written": draft.written.isoformat(),
        "bytes": draft.n_bytes,
        "building": draft.is_building,
    }


@click.command()
@click.option("--to", type=click.IntRange(min=1), help="A version.  [default: the one before]")
@rag_options
@json_option
def rollback(
    index: str | None, home: Path | None, config: Path | None, to: int | None, as_json: bool
) -> int:
    """Let an earlier version answer again; the next build goes on from it.

    Of an index that is released its endpoint decides: see `seatrial rollback`.
    """
    from seatrial.wiring.knowledge.indexes import knowledge_config, roll_back
    from seatrial.wiring.knowledge.releases import check_unreleased

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    store = workspace.open_store()
    try:
        check_unreleased(store, name)
    finally:
        store.close()
    version = roll_back(workspace, name, to=to)
    console.step("ok", name, f"version {version} answers; servers follow within a second")
    console.result({"index": name, "version": version})
    return Exit.DONE


@click.command()
@click.option("--version", type=click.IntRange(min=1), help="A version.  [default: the live one]")
@rag_options
@json_option
def audit(
    index: str | None, home: Path | None, config: Path | None, version: int | None, as_json: bool
) -> int:
    """Read all of a version, and tell what in it does not agree.

    Exit code 0: documents, chunks, words and vectors agree; 3: they do not.
    """
    from seatrial.wiring.knowledge.indexes import index_store, knowledge_config

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    console.progress("reading", name)
    found = index_store(workspace).audit(name, version)
    for one in found:
        console.step("bad", one.part, f"{one.place}: {one.reason}")
    if not found:
        console.step("ok", name, "documents, chunks, words and vectors agree")
    console.result([asdict(one) for one in found])
    return Exit.GATE_FAILED if found else Exit.DONE


def _so_far(report: IngestReport) -> str:
    return (
        f"{report.n_documents:,} documents, {report.n_chunks:,} new chunks, "
        f"{len(report.skipped):,} skipped"
    )


def _show(console: Console, name: str, report: IngestReport) -> None:
    holds_some = bool(report.n_documents or report.n_kept)
    said = f"version {report.version}: {_outcome(report)}; {report.n_chunks:,} new chunks"
    console.step("ok" if holds_some else "note", name, said)
    if not holds_some:
        console.step("note", "empty", "no document was found; see `path` of documents.sources")
    if report.n_copied:
        console.step("ok", "vectors", f"{report.n_copied:,} copied to the store elsewhere")
    if report.n_kept:
        console.step("note", "kept", f"{report.n_kept:,} documents that cannot be read now")
    if report.n_empty:
        console.step("note", "empty", f"{report.n_empty:,} documents hold no words")
    if report.duplicates:
        again, first = next(iter(report.duplicates.items()))
        console.step(
            "note",
            "duplicates",
            f"{len(report.duplicates):,}, such as {again}: the same text as {first}",
        )
    show_skipped(console, report.skipped)


def _outcome(report: IngestReport) -> str:
    """What became of the documents, in a line: those that were skipped are never left out."""
    counts = (
        (report.n_new, "new"),
        (report.n_changed, "changed"),
        (report.n_removed, "removed"),
        (report.n_unchanged, "as before"),
    )
    said = [f"{n:,} {what}" for n, what in counts if n]
    if not report.changed:
        holds_some = report.n_documents or report.n_kept
        said.insert(0, "nothing changed" if holds_some else "it holds no document")
    if report.skipped:
        reasons = sorted({one.reason.value.replace("_", " ") for one in report.skipped})
        said.append(f"{len(report.skipped):,} skipped ({', '.join(reasons)})")
    return ", ".join(said)


def _record(name: str, report: IngestReport) -> dict[str, Any]:
    return {
        "index": name,
        "version": report.version,
        "new": report.n_new,
        "changed": report.n_changed,
        "unchanged": report.n_unchanged,
        "removed": report.n_removed,
        "kept": report.n_kept,
        "empty": report.n_empty,
        "chunks": report.n_chunks,
        "characters": report.n_characters,
        "copied": report.n_copied,
        "duplicates": report.duplicates,
        "skipped": [
            {
                "source": one.source,
                "part": one.part,
                "reason": one.reason.value,
                "problem": one.problem,
                "remedy": one.remedy,
            }
            for one in report.skipped
        ],
        "seconds": report.seconds,
    }


def _version(facts: VersionFacts) -> dict[str, Any]:
    return {
        "version": facts.version,
        "created": facts.created.isoformat(),
        "documents": facts.n_documents,
        "chunks": facts.n_chunks,
        "embedder": facts.recipe.embedder,
        "chunker": facts.recipe.chunker,
    }
