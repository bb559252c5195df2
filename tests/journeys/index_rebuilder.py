"""Builds the index of a folder again, telling when it begins and when it is done.

Run as: python index_rebuilder.py FOLDER, which holds ``rag_config.yaml``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index


def main(folder: Path) -> None:
    """Once."""
    workspace = workspace_of(home=folder / "home", config=folder / "rag_config.yaml")
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    build_index(workspace, "ships")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
