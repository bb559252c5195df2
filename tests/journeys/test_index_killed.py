"""A builder of an index is killed again and again; nothing that it was told to be kept is lost."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.testing import index_corpus as corpus

_SCRIPT = Path(__file__).parent / "index_builder.py"
_spec = importlib.util.spec_from_file_location("index_builder", _SCRIPT)
assert _spec is not None
assert _spec.loader is not None
builder = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(builder)

ROUNDS = 20


def kill_in_the_midst(folder: Path, step: int, random: Random) -> int:
    """Let a builder begin with a step and kill it at a moment that chance picks.

    Returns: the first step that it did not tell of.
    """
    command = [sys.executable, str(_SCRIPT), str(folder), str(step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(random.randint(1, 30))]
        for _ in range(random.randrange(100_000)):  # some moment of the next step
            pass
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return int(told[-1]) + 1


def digests_after(step: int) -> dict[str, str]:
    """What a builder had put when it had done the steps before this one."""
    return {
        name: builder.document(came, name).document.digest
        for name, came in builder.after(step).items()
    }


@pytest.mark.integration
def test_no_step_that_was_told_of_is_lost(tmp_path: Path) -> None:
    random = Random(7)
    step = 0
    n_live = 0
    for _ in range(ROUNDS):
        step = kill_in_the_midst(tmp_path, step, random)
        store = EmbeddedIndexStore(tmp_path, corpus.PLAIN_WORDS, full_bytes=builder.FULL_BYTES)
        draft = store.draft("ship", corpus.RECIPE)
        assert dict(draft.digests()) in (digests_after(step), digests_after(step + 1))
        draft.close()
        published = builder.last_published(step)
        if published < 0:
            continue
        n_live += 1
        assert list(store.audit("ship")) == []
        index = store.open("ship")
        held = {name: index.document(name).digest for name in index.documents()}
        allowed = [digests_after(published)]
        if builder.is_publishing(step):
            allowed.append(digests_after(step))
        assert held in allowed
    assert n_live > ROUNDS / 2
