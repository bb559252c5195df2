"""What chunkers cost, and whether their chunks are where they say and as long as they may be.

Of question sets 4 MB of an English and all of a Chinese corpus are cut, and awkward texts of the
suite for chunkers. seatrial runs here, the others in an environment of their own, each in a process
of its own on one thread, the token vocabulary empty at the start. Limits are 1,000 characters or
200 tokens of MiniLM, without overlap and with a tenth.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.monitor.goals import Goal, markdown_table
from benchmarks.rag.part import APPS, Part, Plan, RunFailed, environment, minilm_folder, said_by
from benchmarks.rag.sets import corpus
from benchmarks.rag.texts import documents
from benchmarks.serving.environment import SetUpFailed
from seatrial.testing.chunker_suite import TEXTS

APP = APPS / "cut.py"
N_CHARACTERS = 4_000_000
N_AWKWARD = 20_000
PROSE, CHINESE = "English corpus", "Chinese corpus"
REQUIREMENTS = (
    "langchain-text-splitters==1.1.3",
    "chonkie==1.7.0",
    "semantic-text-splitter==0.33.1",
    "llama-index-core==0.14.25",
    "tokenizers==0.23.3",
)
OURS = ("seatrial recursive", "seatrial sentence", "seatrial fixed")
PEERS = (
    "semantic-text-splitter",
    "chonkie recursive",
    "chonkie sentence",
    "LangChain recursive",
    "LlamaIndex sentence",
)
WAYS = (("characters", 0), ("characters", 10), ("tokens", 0), ("tokens", 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One text cut by one chunker in one way.

    Args:
        overlap: percent of the limit.
        wrong: chunks that are not where they say they are.
        over: chunks that are longer than the limit; `longest` is the length of the longest.
        lost: characters, but white space, that are in no chunk.
        failed: why there is none of this; empty where there is.
    """

    text: str
    unit: str
    overlap: int
    n_characters: int
    cpu_s: float = 0.0
    n: int = 0
    wrong: int = 0
    over: int = 0
    longest: int = 0
    lost: int = 0
    failed: str = ""


def cut_texts(data: Path | None, *, quick: bool) -> dict[str, str]:
    """What is cut, by name."""
    most = N_CHARACTERS // 10 if quick else N_CHARACTERS
    english = "\n\n".join(text for _, text in documents(data, most // 1_000))
    found = {PROSE: english[:most]}
    if data is not None:
        chinese = "\n\n".join(text for _, text in corpus(data / "cmrc2018").values())
        found[CHINESE] = chinese[:most]
    awkward = {
        name: text * (N_AWKWARD // len(text) + 1)
        for name, text in TEXTS.items()
        if not name.startswith(("random", "lone"))
    }
    return found | awkward


def measured(name: str, work: Path) -> list[Cut]:
    """One chunker on all texts.   Raises: RunFailed, SetUpFailed."""
    tokenizer = minilm_folder() / "tokenizer.json"
    here = Path(sys.executable)
    python = environment("chunkers", REQUIREMENTS).python if name in PEERS else here
    return [Cut(**row) for row in said_by(python, APP, name, str(work), str(tokenizer))]


def medians(rounds: Sequence[Sequence[Cut]]) -> list[Cut]:
    """Of the CPU seconds; all else is the same in every round."""
    return [
        replace(cuts[0], cpu_s=median(cut.cpu_s for cut in cuts))
        for cuts in zip(*rounds, strict=True)
    ]


def speeds(found: dict[str, list[Cut]], text: str) -> str:
    """MB of characters in a CPU second, by way: a Markdown table."""
    head = ("", *(f"{unit}, overlap {overlap} %" for unit, overlap in WAYS))
    rows = [(name, *(_speed(cuts, text, way) for way in WAYS)) for name, cuts in found.items()]
    return markdown_table(head, rows)


def soundness(found: dict[str, list[Cut]]) -> str:
    """What is wrong with the chunks of all texts: a Markdown table."""
    head = ("", "chunks", "wrong offsets", "over the limit", "longest / limit", "lost", "failed")
    return markdown_table(head, [(name, *_faults(cuts)) for name, cuts in found.items()])


def goals(found: dict[str, list[Cut]], *, full: bool) -> list[Goal]:
    """What was asked of seatrial's default chunker."""
    cuts = found.get(OURS[0], [])
    by_way = {(cut.unit, cut.overlap): cut for cut in cuts if cut.text == PROSE}
    asked = [("characters", 80.0), ("tokens", 3.0)]
    reached = {unit: _mb_per_s(by_way[unit, 0]) for unit, _ in asked if (unit, 0) in by_way}
    n_faults = sum(cut.wrong + cut.over + cut.lost + bool(cut.failed) for cut in cuts)
    return [
        *(
            Goal(
                what=f"recursive, by {unit}",
                goal=f">= {least:g} MB in a CPU second",
                reached=f"{reached.get(unit, 0):.3g}",
                met=reached[unit] >= least if full and unit in reached else None,
            )
            for unit, least in asked
        ),
        Goal(
            what="wrong offsets, chunks over the limit, characters lost",
            goal="0",
            reached=str(n_faults),
            met=n_faults == 0 if cuts else None,
        ),
    ]


def report(plan: Plan) -> Part:
    """Ours here, the others in an environment of their own, in turns."""
    rounds: dict[str, list[list[Cut]]] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "texts.json"
        work.write_text(json.dumps(cut_texts(plan.data, quick=plan.quick)))
        for number in range(plan.rounds):
            for name in (*OURS, *PEERS):
                if name in failed:
                    continue
                print(f"  round {number + 1}: {name}", file=sys.stderr, flush=True)
                try:
                    rounds.setdefault(name, []).append(measured(name, work))
                except (RunFailed, SetUpFailed) as error:
                    failed[name] = str(error)
    found = {name: medians(held) for name, held in rounds.items()}
    failures = [f"{name}: {why}" for name, why in failed.items()]
    prose = "English prose" if plan.data else "sentences of made-up words"
    parts = [f"MB in a CPU second, {prose}:", speeds(found, PROSE)]
    if plan.data is not None:
        parts += ["MB (of characters) in a CPU second, Chinese:", speeds(found, CHINESE)]
    parts += [
        "Chunks of all texts, awkward ones among them, in all four ways:", soundness(found),
    ]  # fmt: skip
    return Part(text="\n\n".join(parts), goals=goals(found, full=plan.full), failures=failures)


def _mb_per_s(cut: Cut) -> float:
    return cut.n_characters / 1e6 / cut.cpu_s


def _speed(cuts: Iterable[Cut], text: str, way: tuple[str, int]) -> str:
    for cut in cuts:
        if (cut.text, cut.unit, cut.overlap) == (text, *way):
            return "–" if cut.failed else f"{_mb_per_s(cut):.3g}"
    return "–"


def _faults(cuts: Sequence[Cut]) -> tuple[str, ...]:
    done = [cut for cut in cuts if not cut.failed]
    limits = {"characters": 1000, "tokens": 200}
    longest = max((cut.longest / limits[cut.unit] for cut in done), default=0)
    sums = (sum(getattr(cut, name) for cut in done) for name in ("n", "wrong", "over", "lost"))
    n, wrong, over, lost = (f"{total:,}" for total in sums)
    return n, wrong, over, f"{longest:.1f}", lost, str(len(cuts) - len(done))
