"""Builds an index from a folder of files, builds it again with nothing changed, and audits it.

    python rebuild.py FOLDER KIND

FOLDER holds ``documents/``; KIND is that of the embedder (``minilm``, ``none``). Prints one JSON
line: CPU seconds, those of the processes that load files among them, of the first build and of the
median of three others with their audits.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median

from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import (
    build_index,
    embedder_of,
    index_store,
    knowledge_config,
)


def spent_s() -> float:
    """Of this process and of those that it started and that have ended, to the microsecond."""
    own, ended = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def main(folder: Path, kind: str) -> None:
    config, home = folder / "rag_config.yaml", folder / f"home-{kind}"
    config.write_text(
        f"name: bench\ndocuments: {{sources: [{{path: documents}}]}}\nembedding: {{kind: {kind}}}\n"
    )
    shutil.rmtree(home, ignore_errors=True)
    workspace = workspace_of(home=home, config=config)
    embedder_of(workspace, knowledge_config(workspace, "bench")[1])  # builds its graph, once a user
    start = spent_s()
    n_new = build_index(workspace, "bench").n_new
    first_s = spent_s() - start
    again = []
    for _ in range(3):
        start = spent_s()
        report = build_index(workspace, "bench")
        faults = index_store(workspace).audit("bench")
        again.append(spent_s() - start)
        if report.n_unchanged != n_new or faults:
            raise SystemExit("an index that nobody changed is not what was built")
        time.sleep(0.01)  # versions are told apart by their times
    print(json.dumps({"n_documents": n_new, "first_s": first_s, "again_s": median(again)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
