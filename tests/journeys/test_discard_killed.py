"""Discarding is killed before each of its steps: what is needed stays, and the next one ends it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.testing import index_corpus as corpus

_SCRIPT = Path(__file__).parent / "index_discarder.py"


def kill_before(folder: Path, step: int) -> bool:
    """Let one discard, and kill it before a file goes.   Returns: whether it came so far."""
    command = [sys.executable, str(_SCRIPT), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for _ in range(step):
            if not process.stdout.readline():
                break
            process.stdin.write(b"\n")
            process.stdin.flush()
        if process.stdout.readline():
            os.kill(process.pid, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def held(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.integration
def test_a_discard_that_is_killed_loses_nothing_and_the_next_one_ends_it(tmp_path: Path) -> None:
    made = tmp_path / "made"
    store = EmbeddedIndexStore(made, corpus.PLAIN_WORDS, full_bytes=4_000)
    for number in range(3):
        draft = store.draft("ship", corpus.RECIPE)
        draft.put(corpus.documents(Random(number), 6, prefix=f"doc-{number}"))
        draft.publish()
    draft = store.draft("ship", corpus.RECIPE)
    for number in range(12):
        draft.put(corpus.documents(Random(number), 5, prefix=f"left-{number}"))
    draft.close()
    clean = tmp_path / "clean"
    shutil.copytree(made, clean)
    EmbeddedIndexStore(clean, corpus.PLAIN_WORDS).discard("ship", keep=1, needed=set)
    step = 0
    while True:
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(made, folder)
        if not kill_before(folder, step):
            break
        store = EmbeddedIndexStore(folder, corpus.PLAIN_WORDS)
        assert store.live("ship") == 3
        assert list(store.audit("ship")) == []
        store.discard("ship", keep=1, needed=set)
        assert held(folder) == held(clean)
        step += 1
    assert step > 5
