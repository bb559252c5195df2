"""Build an index of documents: ``seatrial rag`` with the configuration as an option.

    python scripts/rag_system_builder.py --config rag_config.yaml             build
    python scripts/rag_system_builder.py --config rag_config.yaml --analyze   analyse, recommend

Without ``--analyze`` it is ``seatrial rag build``, with it ``seatrial rag analyze``; all other
options are theirs.
"""

from __future__ import annotations

import sys

from seatrial.cli.app import run


def arguments(given: list[str]) -> list[str]:
    """The command line of ``seatrial rag``."""
    verb = "analyze" if "--analyze" in given else "build"
    return ["rag", verb, *(word for word in given if word != "--analyze")]


if __name__ == "__main__":
    sys.exit(run(arguments(sys.argv[1:])))
