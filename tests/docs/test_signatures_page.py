"""The commands of the page on signatures, one after the other, over one registered version."""

import json
import shlex
from pathlib import Path

import docs_blocks as docs
import pytest

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.app import run
from seatrial.registry.catalog import Registration, register
from tests.cli.constant_bundle import make

PAGE = docs.ROOT / "docs/how-to/signatures.md"


def test_the_page_signs_verifies_and_lists_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(home))
    bundle = make(home, age=1.0)
    registration = Registration(
        digest=bundle.digest,
        framework=bundle.manifest.framework,
        source_name="model.pkl",
        source_sha256="ab" * 32,
    )
    store = SqliteStore.from_url(f"sqlite:///{home / 'seatrial.db'}")
    register(store, "churn", registration, by="ann")
    store.close()
    commands = [
        line
        for block in docs.blocks(PAGE)
        if block.mark == "signing"
        for line in block.text.splitlines()
    ]
    assert len(commands) == 7
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "seatrial"
        assert run(words) == 0, command
    names = {path.name for path in tmp_path.iterdir()}
    assert {"team.key", "team.key.pub", "signed.seatrial.tar.gz.sig"} <= names
    listed = json.loads((tmp_path / "churn.cdx.json").read_text())
    assert listed["bomFormat"] == "CycloneDX"
