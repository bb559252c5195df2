"""Discards what an index does not need, telling before each file goes.

Run as: python index_discarder.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.testing import index_corpus as corpus


def tell(event: str, arguments: Sequence[Any]) -> None:
    """Before a file is removed or replaced."""
    if event in ("os.remove", "os.rename"):
        sys.stdout.write(f"{event} {Path(str(arguments[0])).name}\n")
        sys.stdout.flush()
        sys.stdin.readline()


def main(folder: str) -> None:
    """Once."""
    sys.addaudithook(tell)
    EmbeddedIndexStore(folder, corpus.PLAIN_WORDS).discard("ship", keep=1, needed=set)


if __name__ == "__main__":
    main(sys.argv[1])
