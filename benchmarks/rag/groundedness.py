"""How well sentences are told supported or not, beside grounded-check and corroborate.

    python -m benchmarks.rag.groundedness --dev DATA [--data FOLDER ...] [--no-peers] [--json]

DATA holds ``wice_dev`` and ``begin_wow_dev``, whose figures are cross-validated (five folds,
weights that have not seen the row); every other FOLDER (see `benchmarks.rag.sets`) is judged by the
profiles as they are shipped. Peers judge the same rows, in an environment of their own under
``.venvs``. Intervals are 95 %, of rows drawn again. Attribution is whether the evidence is one of
the sentences that people marked. Planted errors are made in sentences that are supported: one
number, one name or one negation changed; caught are those that are then called unsupported.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rag.sets import Pair, pairs
from benchmarks.serving.environment import SetUpFailed, ensure
from seatrial.rag.groundedness.calibration import LabelledSentence, calibrate
from seatrial.rag.groundedness.check import Groundedness
from seatrial.rag.groundedness.logistic import auc, balanced_accuracy, folds
from seatrial.rag.groundedness.names import names
from seatrial.rag.groundedness.numbers import numbers
from seatrial.rag.groundedness.profile import Profile, profile
from seatrial.rag.groundedness.verdict import Support

PEERS = ("grounded-check", "corroborate")
REQUIREMENTS = ("grounded-check==0.1.2", "corroborate==0.1.0")
DEV = {"wice_dev": "web_claims", "begin_wow_dev": "answers"}
_APP = Path(__file__).with_name("apps") / "peers_of_groundedness.py"
_N_FOLDS = 5
_N_RESAMPLES = 1000

Array = NDArray[np.float64]
Bounds = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one judge on one set; each with its 95 % interval."""

    set: str
    judge: str
    n: int
    auc: Bounds
    balanced_accuracy: Bounds
    cpu_ms: float


def interval(figure: Callable[[NDArray[np.int64]], float], n: int, *, seed: int = 0) -> Bounds:
    """A figure of all rows, and its bounds over rows drawn again."""
    chance = np.random.default_rng(seed)
    drawn = [figure(chance.integers(0, n, n)) for _ in range(_N_RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return figure(np.arange(n)), float(low), float(high)


def row(
    name: str,
    judge: str,
    found: Sequence[Pair],
    scores: Array,
    said: NDArray[np.bool_],
    cpu_s: float,
) -> Row:
    """The figures of scores and verdicts."""
    labels = np.array([float(pair.label) for pair in found])
    n = len(found)
    return Row(
        name,
        judge,
        n,
        interval(lambda rows: auc(scores[rows], labels[rows]), n),
        interval(lambda rows: balanced_accuracy(said[rows], labels[rows]), n),
        1000 * cpu_s / n,
    )


def judged(found: Sequence[Pair], by: Profile) -> tuple[Array, NDArray[np.bool_], float]:
    """Scores and verdicts of a profile, and the CPU seconds they took, passages read included."""
    check = Groundedness(by)
    began = time.process_time()
    verdicts = [check.check([pair.claim], pair.context)[0] for pair in found]
    spent = time.process_time() - began
    scores = np.array([one.score for one in verdicts])
    return scores, np.array([one.support is Support.SUPPORTED for one in verdicts]), spent


def cross_validated(name: str, found: Sequence[Pair]) -> Row:
    """Each fold judged by a profile learnt from the others."""
    labels = np.array([float(pair.label) for pair in found])
    fold = folds(labels, _N_FOLDS, seed=1)
    scores, said, spent = np.zeros(len(found)), np.zeros(len(found), bool), 0.0
    for number in range(_N_FOLDS):
        rest = [pair for pair, k in zip(found, fold, strict=True) if k != number]
        made = calibrate(
            [
                LabelledSentence(sentence=p.claim, passages=p.context, supported=bool(p.label))
                for p in rest
            ],
            name="fold",
            fitted_on=name,
        )
        held = np.flatnonzero(fold == number)
        scores[held], said[held], cpu_s = judged([found[i] for i in held], made)
        spent += cpu_s
    return row(name, "seatrial, cross-validated", found, scores, said, spent)


def attribution(found: Sequence[Pair]) -> Bounds | None:
    """The share of sentences whose evidence people marked, too; None where nothing is marked."""
    marked = [pair for pair in found if pair.support]
    if not marked:
        return None
    check = Groundedness()
    hits = []
    for pair in marked:
        (verdict,) = check.check([pair.claim], pair.context)
        hits.append(verdict.evidence is not None and verdict.evidence.passage in pair.support)
    array = np.array(hits, float)
    return interval(lambda rows: float(array[rows].mean()), len(hits))


def planted(sentence: str) -> dict[str, str]:
    """A sentence with one thing changed, by the kind of change, for those that can be made."""
    changed: dict[str, str] = {}
    for number in numbers(sentence)[:1]:
        changed["number"] = f"{sentence[: number.start]}7,431{sentence[number.end :]}"
    for name in names(sentence)[:1]:
        changed["name"] = f"{sentence[: name.start]}Zorbane Quillfeather{sentence[name.end :]}"
    negated = re.sub(
        r"\b(is|was|are|were|has|had|can|will|does|did)\b", r"\1 not", sentence, count=1
    )
    if negated != sentence and not re.search(r"\bnot\b|n't", sentence):
        changed["negation"] = negated
    return changed


def caught(found: Sequence[Pair], by: Profile) -> dict[str, tuple[int, int]]:
    """Of planted errors: how many were called unsupported, and how many there were, in sentences
    that were called supported as they stood."""
    check = Groundedness(by)
    counts: dict[str, list[bool]] = {}
    for pair in found:
        changed = planted(pair.claim) if pair.label else {}
        verdicts = check.check([pair.claim, *changed.values()], pair.context)
        if verdicts[0].support is Support.SUPPORTED:
            for kind, verdict in zip(changed, verdicts[1:], strict=True):
                counts.setdefault(kind, []).append(verdict.support is Support.UNSUPPORTED)
    return {kind: (sum(told), len(told)) for kind, told in counts.items()}


def peer_rows(name: str, found: Sequence[Pair], python: Path) -> list[Row]:
    """Of the peers, on the same rows."""
    told = json.dumps([{"claim": pair.claim, "context": list(pair.context)} for pair in found])
    rows = []
    for peer in PEERS:
        done = subprocess.run(
            [python, str(_APP), peer], input=told, capture_output=True, text=True, check=True
        )
        answer = json.loads(done.stdout)
        scores, said = np.array(answer["scores"], float), np.array(answer["said"], bool)
        rows.append(row(name, peer, found, scores, said, answer["cpu_s"]))
    return rows


def measured(dev: Path, others: Sequence[Path], python: Path | None) -> dict[str, object]:
    """Everything, as JSON."""
    rows: list[Row] = []
    evidence: dict[str, Bounds] = {}
    errors: dict[str, dict[str, tuple[int, int]]] = {}
    folders = [*[(dev / name, name) for name in DEV], *[(other, other.name) for other in others]]
    for folder, name in folders:
        found = pairs(folder)
        if folder.parent == dev and name in DEV:
            rows.append(cross_validated(name, found))
            errors[name] = caught(found, profile(DEV[name]))
        else:
            for shipped in ("answers", "web_claims", "general"):
                scores, said, spent = judged(found, profile(shipped))
                rows.append(row(name, f"seatrial, {shipped}", found, scores, said, spent))
        hit = attribution(found)
        if hit is not None:
            evidence[name] = hit
        if python is not None:
            rows += peer_rows(name, found, python)
    return {
        "rows": [asdict(one) for one in rows],
        "attribution": evidence,
        "planted_errors_caught": errors,
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    python = None
    if not told.no_peers:
        try:
            python = ensure(Path(".venvs/bench-groundedness"), REQUIREMENTS).python
        except SetUpFailed as error:
            print(f"without peers: {error}", file=sys.stderr)
    found = measured(told.dev, told.data, python)
    print(json.dumps(found, indent=2) if told.json else page(found))


def page(found: dict[str, object]) -> str:
    """The figures as Markdown."""
    lines = [
        "| set | judge | n | AUC | balanced accuracy | CPU-ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows, evidence, errors = (
        found[key] for key in ("rows", "attribution", "planted_errors_caught")
    )
    assert isinstance(rows, list)
    assert isinstance(evidence, dict)
    assert isinstance(errors, dict)
    lines += [
        f"| {one['set']} | {one['judge']} | {one['n']} | {_told(one['auc'])} | "
        f"{_told(one['balanced_accuracy'])} | {one['cpu_ms']:.1f} |"
        for one in rows
    ]
    lines += ["", *(f"Attribution, {name}: {_told(bounds)}" for name, bounds in evidence.items())]
    for name, kinds in errors.items():
        counts = ", ".join(f"{kind} {n} of {total}" for kind, (n, total) in kinds.items())
        lines.append(f"Planted errors caught, {name}: {counts}")
    return "\n".join(lines)


def _told(bounds: Sequence[float]) -> str:
    estimate, low, high = bounds
    return f"{estimate:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
