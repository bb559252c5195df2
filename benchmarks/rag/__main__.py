"""``python -m benchmarks.rag``: documents, search and answers beside their peers; a page of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.monitor.goals import Goal, goal_table
from benchmarks.rag import (
    answers,
    chunk_effect,
    chunkers,
    embedding,
    frameworks,
    imports,
    rebuild,
    store,
)
from benchmarks.rag.part import ROOT, Part, Plan
from benchmarks.serving.machine import Machine, describe
from benchmarks.serving.page import fill, marks
from benchmarks.serving.report import BUSY_SHARE_LIMIT

SUBJECT = "rag"
PARTS: Mapping[str, Callable[[Plan], Part]] = {
    "embedding": embedding.report,
    "store": store.report,
    "frameworks": frameworks.report,
    "rebuild": rebuild.report,
    "chunkers": chunkers.report,
    "imports": imports.report,
    "answers": answers.report,
    "chunk_effect": chunk_effect.report,
}
"""In the order of the page."""


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    options = _flags()
    plan = Plan(
        data=options.data,
        rounds=1 if options.quick else options.rounds,
        quick=options.quick,
        every=options.every,
        n_loss=options.loss_documents,
        out=options.out.resolve(),
    )
    kept = plan.out / "parts"
    kept.mkdir(parents=True, exist_ok=True)
    machine = describe()
    for name in options.only:
        sys.stderr.write(f"{name} ...\n")
        part = PARTS[name](plan)
        record = {"measured": heading(machine, plan), **asdict(part)}
        (kept / f"{name}.json").write_text(json.dumps(record))
    blocks = page(kept)
    for name, text in blocks.items():
        print(f"## {name}\n\n{text}\n", flush=True)
    for file in options.into:
        file.write_text(fill(file.read_text(), blocks, SUBJECT))
    return 0


def page(kept: Path) -> dict[str, str]:
    """What goes into the page, by block, from the newest results of each part."""
    found = {
        name: json.loads((kept / f"{name}.json").read_text())
        for name in PARTS
        if (kept / f"{name}.json").is_file()
    }
    told: dict[str, list[str]] = {}
    for name, record in found.items():
        told.setdefault(record["measured"], []).append(name)
    if len(told) == 1:
        machine = next(iter(told))
    else:
        machine = "\n\n".join(f"{text} ({', '.join(names)})" for text, names in told.items())
    goals = [Goal(**one) for record in found.values() for one in record["goals"]]
    blocks = {"machine": machine, "goals": goal_table(goals)}
    for name, record in found.items():
        lost = [f"- Without figures: {why}" for why in record["failures"]]
        blocks[name] = "\n".join([record["text"], *([""] if lost else []), *lost])
    return blocks | {"versions": versions()}


def versions() -> str:
    """Of what is compared, as it is pinned, and of what seatrial runs on, as it is here."""
    here = ("numpy", "onnxruntime", "simsimd", "tokenizers")
    pinned = {
        "seatrial": tuple(f"{name}=={version(name)}" for name in here),
        "sentence-transformers": embedding.ENGINES[embedding.PEER].requirements,
        "stores": store.PINNED,
        **{name: requirements for name, (_, requirements) in frameworks.PEERS.items()},
        "chunkers": chunkers.REQUIREMENTS,
    }
    return "\n".join(
        f"- {name}: {', '.join(one.replace('==', ' ') for one in listed)}"
        for name, listed in pinned.items()
    )


def heading(machine: Machine, plan: Plan) -> str:
    """On what, when, and whether the figures may be believed."""
    rounds = f"medians of {plan.rounds} rounds in turns" if plan.rounds > 1 else "one round"
    lines = [f"Measured on {machine.description}, {datetime.now(UTC).date()}; {rounds}."]
    if plan.quick:
        lines.append("**With `--quick`: less of everything. This shows that it works, no more.**")
    if plan.data is None:
        lines.append("**Without `--data`: texts are made-up words.**")
    if machine.busy_share > BUSY_SHARE_LIMIT:
        lines.append("**The machine was not quiet: others kept more than a tenth of it busy.**")
    return " ".join(lines)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rag", description=__doc__)
    known = list(PARTS)

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := sorted(set(given) - set(known)):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return [name for name in known if name in given]

    parser.add_argument("--only", type=names, default=known, metavar="A,B", help=f"parts: {known}")
    parser.add_argument(
        "--data", type=Path, help="the folder of the sets; without it, what needs none is run"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of what is quick, in turns")
    parser.add_argument("--every", type=int, default=1, help="every n-th question of SQuAD 2.0")
    parser.add_argument(
        "--loss-documents",
        type=int,
        default=2_000,
        help="of SciFact that the loss of an embedder is measured on; fewer are quicker",
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: does it work?")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "bench-rag", help="for results"
    )
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the results into"
    )
    options = parser.parse_args()
    if min(options.rounds, options.every, options.loss_documents) < 1:
        parser.error("--rounds, --every and --loss-documents are 1 or more")
    for name in ("scifact", "squad2", "cmrc2018") if options.data else ():
        if not (options.data / name / "corpus.jsonl.gz").is_file():
            parser.error(f"{options.data} holds no set {name}: benchmarks/README.md says what to")
    for file in options.into:
        begin = marks("machine", SUBJECT)[0]
        if not file.is_file() or begin not in file.read_text():
            parser.error(f"{file} is no page with the mark {begin}")
    return options


if __name__ == "__main__":
    sys.exit(main())
