"""Asks an index of a question set with default settings, through the interface for programs.

    python ask.py FOLDER

FOLDER holds ``documents.jsonl`` (``id``, ``title``, ``text``) and ``questions.json``, a list of
texts; ``replies.json`` is written there. Prints one JSON line: CPU seconds of the build, documents.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index
from seatrial.wiring.knowledge.opened import open_knowledge

CONFIG = "name: bench\ndocuments: {sources: [{path: documents.jsonl}]}\n"


def main(folder: Path) -> None:
    config, home = folder / "rag_config.yaml", folder / "home"
    config.write_text(CONFIG)
    start = time.process_time()
    report = build_index(workspace_of(home=home, config=config), "bench")
    build_s = time.process_time() - start
    replies = []
    with open_knowledge(home=home, config=config) as knowledge:
        for question in json.loads((folder / "questions.json").read_text()):
            start = time.process_time()
            reply = knowledge.ask(question)
            replies.append(
                {
                    "cpu_ms": (time.process_time() - start) * 1e3,
                    "refused": reply.refusal is not None,
                    "text": reply.text,
                    "citations": [
                        {
                            "document": one.document.partition("#")[2],
                            "text": one.text,
                            "span": one.span,
                        }
                        for one in reply.citations
                    ],
                }
            )
    (folder / "replies.json").write_text(json.dumps(replies))
    print(json.dumps({"build_s": build_s, "n_documents": report.n_new}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
