"""What the semantic cache takes for the same question, with an embedder of one's own.

``pairs.tsv``: pairs written by hand, ``same`` where one answer serves both. With ``--squad`` also
every two different questions of a set of SQuAD's form about the same or another paragraph: one
answer serves both where they share one, and neither where the answers differ or one has none.

    python -m benchmarks.semantic --base-url http://127.0.0.1:8080/v1 --model vectors
    python -m benchmarks.semantic --minilm FOLDER [--squad FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from math import comb
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from benchmarks.semantic.minilm import MiniLM
from seatrial.gateway.policies.asked_before import cosine, packed
from seatrial.gateway.policies.question_words import telling

PAIRS = Path(__file__).with_name("pairs.tsv")
LEVELS = (0.90, 0.95, 0.97)

Embed = Callable[[str], list[float]]


class Pair(NamedTuple):
    """Two questions; ``same`` where one answer serves both."""

    same: bool
    one: str
    other: str


def pairs_of(file: Path) -> list[Pair]:
    """The pairs of a file of lines ``same`` or ``other``, a question, a question."""
    rows = (line.split("\t") for line in file.read_text().splitlines())
    return [Pair(label == "same", one, other) for label, one, other in rows]


def upper(wrong: int, n: int, *, alpha: float = 0.05) -> float:
    """The upper bound of a rate, exact, one-sided.   Source: Clopper and Pearson 1934."""
    low, high = wrong / n if n else 0.0, 1.0
    while wrong < n and high - low > 1e-6:
        rate = (low + high) / 2
        tail = sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(wrong + 1))
        low, high = (rate, high) if tail > alpha else (low, rate)
    return high


def rows_of(pairs: list[Pair], embed: Embed) -> Iterator[str]:
    """A line for each level and judge: hits, those that are wrong, those found."""
    vectors = {text: packed(embed(text)) for pair in pairs for text in (pair.one, pair.other)}
    near = [(pair, cosine(vectors[pair.one], vectors[pair.other])) for pair in pairs]
    n_same = sum(pair.same for pair in pairs)
    for words in (False, True):
        for level in LEVELS:
            hits = [p for p, cos in near if cos >= level and (not words or _words(p))]
            wrong = sum(not pair.same for pair in hits)
            found = (len(hits) - wrong) / n_same
            judges = "words and cosine" if words else "cosine alone"
            yield (
                f"| {judges} | {level:.2f} | {len(hits)} | {wrong} "
                f"| {_most(wrong, len(hits))} | {found:.0%} |"
            )


def _words(pair: Pair) -> bool:
    words = telling(pair.one)
    return words is not None and words == telling(pair.other)


def _most(wrong: int, n: int) -> str:
    return f"{100 * upper(wrong, n):.2g} %" if n else "-"


class Known(NamedTuple):
    """A question of a set, and its answers; none for one that has none."""

    text: str
    answers: frozenset[str]


def known_of(folder: Path) -> list[Known]:
    """The different questions of ``queries.jsonl``; one that is there twice has all answers."""
    answers: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "queries.jsonl").read_text().splitlines():
        row = json.loads(line)
        answers[row["text"].strip()] |= {
            re.sub(r"\W+", " ", one.lower()).strip() for one in row["answers"]
        }
    return [Known(text, frozenset(given)) for text, given in answers.items()]


def taken(known: Iterable[Known]) -> list[tuple[Known, Known]]:
    """Two of the questions each that have the same words."""
    by_words: dict[tuple[str, ...], list[Known]] = defaultdict(list)
    for one in known:
        words = telling(one.text)
        if words is not None:
            by_words[words].append(one)
    return [pair for same in by_words.values() for pair in combinations(same, 2)]


def served(base_url: str, model: str) -> Embed:
    """Vectors of an OpenAI-compatible server; the key is in SEATRIAL_KEY."""

    def embed(text: str) -> list[float]:
        body = json.dumps({"model": model, "input": text}).encode()
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {os.environ.get('SEATRIAL_KEY', 'none')}",
        }
        url = f"{base_url.rstrip('/')}/embeddings"
        with urlopen(Request(url, body, headers), timeout=60) as reply:
            vector: list[float] = json.load(reply)["data"][0]["embedding"]
        return vector

    return embed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--squad", type=Path)
    parser.add_argument("--base-url")
    parser.add_argument("--model", default="vectors")
    parser.add_argument("--minilm", type=Path)
    told = parser.parse_args()
    if (told.base_url is None) == (told.minilm is None):
        parser.error("give --base-url or --minilm")
    embed = MiniLM(told.minilm) if told.minilm else served(told.base_url, told.model)
    pairs = pairs_of(told.pairs)
    n_same = sum(pair.same for pair in pairs)
    print(f"{len(pairs)} pairs, of which {n_same} have one answer.\n")
    print("| judges | cosine at least | hits | wrong | at most wrong, 95 % | of the same, found |")
    print("|---|---|---|---|---|---|")
    for row in rows_of(pairs, embed):
        print(row)
    if told.squad is not None:
        known = known_of(told.squad)
        found = taken(known)
        wrong = [pair for pair in found if not pair[0].answers & pair[1].answers]
        print(
            f"\n{len(known)} questions, each with all others kept: {len(found)} have the words of"
        )
        print(f"another, {len(wrong)} of them wrongly (at most {_most(len(wrong), len(known))}).")
        for one, other in found:
            near = cosine(packed(embed(one.text)), packed(embed(other.text)))
            print(f"  {near:.3f} {one.text} | {other.text}")


if __name__ == "__main__":
    main()
