"""Documents a CPU second, CPU time of a question, memory and loss: seatrial's MiniLM beside
sentence-transformers with the same weights, each in a process of its own.

To add an engine: a function in `apps/embed.py`, and a line in `ENGINES`.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, at_most, markdown_table
from benchmarks.rag import texts
from benchmarks.rag.part import (
    APPS,
    Part,
    Plan,
    RunFailed,
    environment,
    in_turns,
    minilm_folder,
    said_by,
)
from benchmarks.rag.sets import Question, corpus, questions
from benchmarks.serving.environment import SetUpFailed
from seatrial.rag.evaluation.metrics import ndcg
from seatrial.stats.bootstrap import BootstrapMean, bootstrap_mean

N_TIMED = 64
K = 10
LOSS_POINTS = 0.7
DEFAULT, PEER = "int8", "sentence-transformers"
_TORCH = ("sentence-transformers==6.2.0", "torch==2.13.0")


@dataclass(frozen=True, slots=True)
class Engine:
    """Who embeds.

    Args:
        loses: whether its loss is measured; one that computes as the peer does loses nothing.
        requirements: of its environment; empty: it runs here.
    """

    title: str
    loses: bool = False
    requirements: tuple[str, ...] = ()


ENGINES: Mapping[str, Engine] = {
    DEFAULT: Engine("**seatrial**, int8 (default)", loses=True),
    "fp32": Engine("**seatrial**, fp32"),
    PEER: Engine(
        "sentence-transformers, torch fp32, 32 texts at a time (default)",
        loses=True,
        requirements=_TORCH,
    ),
    f"{PEER}, 8": Engine("the same, 8 texts at a time", requirements=_TORCH),
    f"{PEER}, 1": Engine("the same, one text at a time", requirements=_TORCH),
}


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """A set of questions, as it is embedded."""

    ids: list[str]
    documents: list[str]
    questions: list[Question]

    def job(self) -> dict[str, list[str]]:
        return {"documents": self.documents, "questions": [one.text for one in self.questions]}

    def scores(self, documents: NDArray[np.float32], asked: NDArray[np.float32]) -> list[float]:
        """nDCG@10 of every question, by vectors alone."""
        found = []
        for question, vector in zip(self.questions, asked, strict=True):
            scores = documents @ vector
            best = np.argpartition(-scores, K)[:K]
            ranking = [self.ids[row] for row in best[np.argsort(-scores[best])]]
            found.append(ndcg(ranking, dict.fromkeys(question.relevant, 1.0), K))
        return found


@dataclass(frozen=True, slots=True)
class Loss:
    """What an engine loses against the peer on a set, in points of nDCG@10."""

    set: str
    n_documents: int
    peer: float
    engine: float
    points: BootstrapMean


def report(plan: Plan) -> Part:
    """Costs in turns, then the loss."""
    documents = [f"{title}. {text}" for title, text in texts.documents(plan.data, 10_000)]
    random.Random(1).shuffle(documents)
    with tempfile.TemporaryDirectory() as graphs:
        job = {
            "documents": documents[:N_TIMED],
            "questions": texts.asked(plan.data, N_TIMED),
            "weights": str(minilm_folder()),
            "graphs": graphs,
            "sets": {},
        }
        runs = {name: partial(_run, name, job) for name in ENGINES}
        found, failures = in_turns(runs, plan.rounds)
        losses: dict[str, list[Loss]] = {}
        if plan.data is not None and PEER in found:
            losses, failed = _losses(plan, job)
            failures += failed
    tables = [costs(found)] + ([loss_table(losses)] if losses else [])
    return Part(
        text="\n\n".join(tables),
        goals=goals(found, losses.get(DEFAULT, []), full=plan.full),
        failures=failures,
    )


def judged_sets(plan: Plan) -> dict[str, JudgedSet]:
    """SQuAD 2.0 whole; of SciFact as many documents as asked for, those that answer among them."""
    assert plan.data is not None
    found = {}
    for name, most in (("squad2", None), ("scifact", plan.n_loss)):
        held = corpus(plan.data / name)
        asked = [one for one in questions(plan.data / name) if one.relevant and one.answerable]
        asked = asked[:100] if plan.quick else asked
        wanted = sorted({document for one in asked for document in one.relevant})
        others = [document for document in held if document not in wanted]
        ids = [*wanted, *others[: max(0, (most or len(held)) - len(wanted))]]
        shown = [f"{held[one][0]}. {held[one][1]}" if held[one][0] else held[one][1] for one in ids]
        found[name] = JudgedSet(ids, shown, asked)
    return found


def costs(found: Mapping[str, Mapping[str, float]]) -> str:
    """One row each."""
    peer = found.get(PEER)
    rows = [
        (
            ENGINES[name].title,
            f"{one['documents_per_s']:.1f}",
            f"{one['documents_per_s'] / peer['documents_per_s']:.2f}" if peer else "–",
            f"{one['question_ms']:.2f}",
            f"{one['memory_mb']:.0f}",
            "yes" if one["torch"] else "no",
        )
        for name, one in found.items()
    ]
    head = ("", "documents a CPU s", "times the peer's", "a question, CPU ms", "peak memory, MB")
    return markdown_table((*head, "loads torch"), rows)


def loss_table(losses: Mapping[str, Sequence[Loss]]) -> str:
    """One row for each engine and set."""
    rows = [
        (
            f"{ENGINES[name].title}, {one.set}",
            f"{one.n_documents:,}",
            f"{one.points.n:,}",
            f"{one.engine:.4f}",
            f"{one.peer:.4f}",
            f"{one.points.mean:+.2f} "
            f"[{one.points.interval.lower:+.2f}, {one.points.interval.upper:+.2f}]",
        )
        for name, held in losses.items()
        for one in held
    ]
    head = ("nDCG@10, vectors alone", "documents", "questions", "engine", "peer", "loss, points")
    return markdown_table(head, rows)


def goals(
    found: Mapping[str, Mapping[str, float]], losses: Sequence[Loss], *, full: bool
) -> list[Goal]:
    """What was asked of the default engine."""
    ours, peer = found.get(DEFAULT), found.get(PEER)
    if ours is None:
        return []
    told = []
    if peer is not None:
        times = ours["documents_per_s"] / peer["documents_per_s"]
        told.append(
            Goal(
                what="documents embedded in a CPU second, beside sentence-transformers by default",
                goal=">= 3 times",
                reached=f"{times:.2f} times",
                met=times >= 3 if full else None,
            )
        )
    told += [
        at_most(f"nDCG@10 lost on {one.set}", one.points.mean, LOSS_POINTS, "points", full=full)
        for one in losses
    ]
    told.append(at_most("a question embedded", ours["question_ms"], 2.5, "CPU ms", full=full))
    told.append(at_most("peak memory of embedding", ours["memory_mb"], 450, "MB", full=full))
    torch = bool(ours["torch"])
    told.append(
        Goal(what="torch at run time", goal="none", reached="loaded" if torch else "none",
             met=not torch)
    )  # fmt: skip
    return told


def _losses(plan: Plan, job: dict[str, Any]) -> tuple[dict[str, list[Loss]], list[str]]:
    """Of each engine that may lose."""
    sets = judged_sets(plan)
    asked = {**job, "documents": job["documents"][:4], "questions": job["questions"][:4]}
    asked["sets"] = {name: one.job() for name, one in sets.items()}
    scores: dict[str, dict[str, list[float]]] = {}
    failures = []
    for name, engine in ENGINES.items():
        if not engine.loses:
            continue
        print(f"  loss: {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                _run(name, asked, Path(folder))
            except (RunFailed, SetUpFailed) as error:
                failures.append(f"{name}, loss: {error}")
                continue
            scores[name] = {
                title: one.scores(*(np.load(file) for file in _files(Path(folder), title)))
                for title, one in sets.items()
            }
    if PEER not in scores:
        return {}, failures
    return {
        name: [
            Loss(
                title,
                len(sets[title].ids),
                float(np.mean(scores[PEER][title])),
                float(np.mean(own)),
                bootstrap_mean(100 * (np.array(scores[PEER][title]) - np.array(own))),
            )
            for title, own in by_set.items()
        ]
        for name, by_set in scores.items()
        if name != PEER
    }, failures


def _files(folder: Path, title: str) -> tuple[Path, Path]:
    return folder / f"{title}-docs.npy", folder / f"{title}-queries.npy"


def _run(name: str, job: dict[str, Any], folder: Path | None = None) -> dict[str, float]:
    """Raises: RunFailed, SetUpFailed."""
    wanted = ENGINES[name].requirements
    python = environment(PEER, wanted).python if wanted else Path(sys.executable)
    with tempfile.TemporaryDirectory() as scratch:
        place = folder or Path(scratch)
        (place / "job.json").write_text(json.dumps(job))
        found: dict[str, float] = said_by(python, APPS / "embed.py", name, str(place))
        return found
