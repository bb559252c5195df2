"""Runs in the environment of the peers: judges labelled sentences with one of them.

    python peers_of_groundedness.py grounded-check|corroborate < pairs.json > judged.json

Reads a list of ``{"claim", "context"}``; writes ``{"scores", "said", "cpu_s"}``. A peer's score is
the share of its checks that pass (grounded-check adds its sentence score, corroborate counts
findings); it says "supported" where its own verdict passes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def grounded_check(claim: str, context: list[str]) -> tuple[float, bool]:
    """grounded-check, with its sentences tier."""
    from grounded import Kind, Source, Verdict, extract, verify

    kinds = {Kind.QUOTE, Kind.NUMBER, Kind.CITATION, Kind.ENTITY, Kind.SENTENCE}
    result = verify(extract(claim, kinds=kinds), [Source(Path("context"), "\n".join(context))])
    told = [finding.score or 0.0 for finding in result.heuristic]
    sentence = sum(told) / len(told) if told else 1.0
    weak = any(finding.verdict is not Verdict.GROUNDED for finding in result.heuristic)
    return result.rate + sentence, result.passed and not weak


def corroborate(claim: str, context: list[str]) -> tuple[float, bool]:
    """corroborate, as its page shows it."""
    from corroborate import check_answer

    report = check_answer(query="", retrieved_chunks=context, answer=claim)
    n = len(report.to_dict()["findings"])
    return -float(n), bool(report.ok())


def main() -> None:
    """See the module."""
    judge = {"grounded-check": grounded_check, "corroborate": corroborate}[sys.argv[1]]
    rows = json.load(sys.stdin)
    began = time.process_time()
    judged = [judge(row["claim"], row["context"]) for row in rows]
    spent = time.process_time() - began
    json.dump(
        {
            "scores": [score for score, _ in judged],
            "said": [said for _, said in judged],
            "cpu_s": spent,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
