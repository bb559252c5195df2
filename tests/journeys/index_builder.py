"""Builds an index until it is killed, and tells of each step when it is done.

Run as: python index_builder.py FOLDER STEP, where STEP is the number of the first step.
"""

from __future__ import annotations

import sys
from random import Random

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.testing import index_corpus as corpus

FULL_BYTES = 6_000
"""So small that some steps fill a segment, and some join segments."""


def after(step: int) -> dict[str, int]:
    """Which documents there are when steps 0 to `step - 1` are done, by which step each came."""
    documents: dict[str, int] = {}
    for number in range(step):
        if _kind(number) == "put":
            documents |= dict.fromkeys(_names(number), number)
        elif _kind(number) == "remove":
            for name in _gone(number):
                documents.pop(name, None)
    return documents


def last_published(step: int) -> int:
    """The number of the last step before `step` that published; -1: none did."""
    return max((n for n in range(step) if _kind(n) == "publish"), default=-1)


def is_publishing(step: int) -> bool:
    """Whether a step publishes."""
    return _kind(step) == "publish"


def document(step: int, name: str) -> object:
    """What a step puts under a name."""
    return corpus.document(Random(f"{step} {name}"), name)


def _kind(step: int) -> str:
    return "publish" if step % 9 == 8 else "remove" if step % 4 == 3 else "put"


def _names(step: int) -> list[str]:
    return [f"doc-{Random(f'{step} {n}').randrange(60)}" for n in range(5)]


def _gone(step: int) -> list[str]:
    return [f"doc-{Random(f'{step} {n}').randrange(60)}" for n in range(3)]


def main(folder: str, step: int) -> None:
    """Go on for ever."""
    store = EmbeddedIndexStore(folder, corpus.PLAIN_WORDS, full_bytes=FULL_BYTES)
    draft = store.draft("ship", corpus.RECIPE)
    while True:
        match _kind(step):
            case "put":
                draft.put([document(step, name) for name in dict.fromkeys(_names(step))])
            case "remove":
                draft.remove(_gone(step))
            case _:
                draft.publish()
                store.forget("ship", keep=2)
                draft = store.draft("ship", corpus.RECIPE)
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        step += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
