"""How much faster an unchanged folder is built again than at first, its audit included."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.monitor.goals import Goal, markdown_table
from benchmarks.rag import texts
from benchmarks.rag.part import APPS, Part, Plan, in_turns, said_by

DEFAULT = "minilm"
N_FILES = {DEFAULT: 300, "none": 3_000}
TITLES = {DEFAULT: "default embedder", "none": "words alone, no embedder"}


def report(plan: Plan) -> Part:
    """With the default embedder and without one."""
    with tempfile.TemporaryDirectory() as name:
        runs = {kind: partial(_run, plan, kind, Path(name) / kind) for kind in N_FILES}
        found, failures = in_turns(runs, plan.rounds)
    return Part(text=table(found), goals=goals(found, full=plan.full), failures=failures)


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """One row for each embedder."""
    rows = [
        (
            TITLES[kind],
            f"{one['n_documents']:,.0f}",
            f"{one['first_s']:.2f}",
            f"{one['again_s']:.3f}",
            f"{one['first_s'] / one['again_s']:.0f}",
        )
        for kind, one in found.items()
    ]
    head = ("", "files", "first build, CPU s", "unchanged, with audit, CPU s", "times faster")
    return markdown_table(head, rows)


def goals(found: Mapping[str, Mapping[str, float]], *, full: bool) -> list[Goal]:
    """Of a folder of files, as users have it."""
    told = []
    for kind, one in found.items():
        times = one["first_s"] / one["again_s"]
        told.append(
            Goal(
                what=f"unchanged folder built again and audited, {TITLES[kind]}",
                goal=">= 20 times faster",
                reached=f"{times:.0f} times",
                met=times >= 20 if full else None,
            )
        )
    return told


def _run(plan: Plan, kind: str, folder: Path) -> dict[str, float]:
    """Raises: RunFailed."""
    documents = folder / "documents"
    if not documents.exists():
        documents.mkdir(parents=True)
        n = N_FILES[kind] // (10 if plan.quick else 1)
        for number, (title, text) in enumerate(texts.documents(plan.data, n)):
            (documents / f"{number}.md").write_text(f"# {title}\n\n{text}\n")
    found: dict[str, float] = said_by(Path(sys.executable), APPS / "rebuild.py", str(folder), kind)
    return found
