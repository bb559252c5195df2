"""Files change and builds are killed in the midst: the next build has all that the files say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from seatrial.rag.loading.stamps import SETTLED_NS
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index, index_store

_SCRIPT = Path(__file__).parent / "index_rebuilder.py"
N_FILES, ROUNDS = 300, 12


def written(folder: Path, number: int, random: Random) -> None:
    """A file of so many bytes as all have."""
    text = f"The ship {number:04} is {random.randrange(10**6):06} metres long.\n"
    (folder / f"{number:04}.md").write_text(text, "utf-8")


def change(folder: Path, random: Random) -> None:
    """Some files, as editors, copies and programs do that put times back."""
    for number in random.sample(range(N_FILES), 30):
        path = folder / f"{number:04}.md"
        before = path.stat() if path.exists() else None
        match random.randrange(4):
            case 0:
                path.unlink(missing_ok=True)
            case 1:
                written(folder, number, random)
            case 2:
                written(folder, number, random)
                if before is not None:
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            case _:
                written(folder, N_FILES, random)
                (folder / f"{N_FILES:04}.md").rename(path)


def build_and_kill(folder: Path, random: Random) -> bool:
    """Returns: whether it was killed before it was done."""
    command = [sys.executable, str(_SCRIPT), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(random.random() * 0.15)
        os.kill(process.pid, signal.SIGKILL)
        return process.stdout.read() != b"done\n"


@pytest.mark.integration
def test_a_build_after_one_that_was_killed_has_what_the_files_say(tmp_path: Path) -> None:
    random = Random(7)
    documents = tmp_path / "documents"
    documents.mkdir()
    config = {
        "name": "ships",
        "documents": {"sources": [{"path": "documents"}]},
        "embedding": {"kind": "none"},
    }
    (tmp_path / "rag_config.yaml").write_text(json.dumps(config), "utf-8")
    for number in range(N_FILES):
        written(documents, number, random)
    workspace = workspace_of(home=tmp_path / "home", config=tmp_path / "rag_config.yaml")
    n_killed = n_unchanged = 0
    for number in range(ROUNDS):
        if number % 3 == 0:
            time.sleep(SETTLED_NS / 1e9)
        n_killed += build_and_kill(tmp_path, random)
        change(documents, random)
        n_unchanged += build_index(workspace, "ships").n_unchanged
        index = index_store(workspace).open("ships")
        held = {name: index.document(name).text for name in index.documents()}
        assert held == {path.name: path.read_text("utf-8") for path in documents.iterdir()}
        assert list(index_store(workspace).audit("ships")) == []
    assert n_killed > ROUNDS / 3
    assert n_unchanged
