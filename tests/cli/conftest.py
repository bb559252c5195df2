"""A home folder whose store holds an endpoint, version 1 in production, version 2 on trial; and a
folder of documents that `seatrial rag` is used on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Slice
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Registration, register
from seatrial.release.config import ReleaseConfig
from seatrial.release.controller import Controller
from seatrial.release.desk import Desk
from seatrial.release.measurement import Summary
from seatrial.release.rollout import Rollout, Staged
from tests.cli.constant_bundle import make

ADDRESS = "http://127.0.0.1:1"


class Passes:
    """A stager whose tests have all passed already."""

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        return Staged(passed=True, reason="8 tests passed")

    def close(self) -> None:
        """Nothing to end."""


@dataclass
class Home:
    """A home folder and what fills it."""

    folder: Path

    def start(self, store: SqliteStore, version: int) -> None:
        Desk(store).start(
            "churn",
            version=version,
            digest=f"{version:064x}",
            target="production",
            plan=ReleaseConfig().plan(),
            by="ann",
            notes={},
        )

    def fill(self, *, n_answers: int = 500) -> None:
        store = SqliteStore.from_url(f"sqlite:///{self.folder / 'seatrial.db'}")
        controller = Controller(store, clock=SystemClock(), stager=Passes(), holder="test")
        self.start(store, 1)
        controller.tick()
        self.start(store, 2)
        for _ in range(3):
            self._work(store)
            controller.tick()
        if n_answers:
            self._answers(store, n_answers)
        self._work(store)
        controller.tick()
        controller.close()
        store.close()

    def _work(self, store: SqliteStore) -> None:
        state = Desk(store).state("churn")
        store.beat(
            "worker/s/0",
            {
                "address": ADDRESS,
                "loaded": {"churn": [1, 2]},
                "applied": {"churn": state.target_revision},
                "failed": {"churn": {}},
            },
        )

    def _answers(self, store: SqliteStore, n: int) -> None:
        rollout = Desk(store).state("churn").rollout
        assert rollout is not None
        store.add_slices(
            [
                Slice(
                    endpoint="churn",
                    version=version,
                    revision=rollout.step_revision,
                    worker="w",
                    start=datetime.now(UTC),
                    width_s=1,
                    summary=Summary.of([0.01] * n, errors={}).encode(),
                )
                for version in (1, 2)
            ]
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.fixture
def filled(home: Home) -> Home:
    home.fill()
    return home


@pytest.fixture
def versions(home: Home) -> list[Bundle]:
    """Two registered versions; the first is in production."""
    made = [make(home.folder, age=age) for age in (1.0, 2.0)]
    store = SqliteStore.from_url(f"sqlite:///{home.folder / 'seatrial.db'}")
    for bundle in made:
        registration = Registration(
            digest=bundle.digest,
            framework=bundle.manifest.framework,
            source_name="model.pkl",
            source_sha256="ab" * 32,
        )
        register(store, "churn", registration, by="ann")
    store.close()
    return made


Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def seatrial(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs a command line: exit code, stdout, stderr."""
    from seatrial.cli.app import run

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return command


SHIPS = {
    "heron.md": "# Heron\n\nThe Heron is 12 metres long. It was built in Lisbon in 1934.\n",
    "kestrel.md": "# Kestrel\n\nThe Kestrel was built by Ana Moreira. Her mast is of spruce.\n",
    "苍鹭.md": "# 苍鹭号\n\n苍鹭号长十二米，由上海的船厂于一九三四年建造。\n",
    "crew.md": "---\nreaders: [crew]\n---\n# Crew\n\nThe cook of the Heron is called Tomas.\n",
}


class Rag:
    """The command, in a folder with a `rag_config.yaml`."""

    def __init__(self, seatrial: Any, folder: Path) -> None:
        self._seatrial, self.folder = seatrial, folder
        self.documents = folder / "ships"
        self.documents.mkdir()
        for name, text in SHIPS.items():
            self.write(name, text)
        self.configure()

    def configure(self, **changes: Any) -> None:
        config = {"documents": {"sources": [{"path": "ships"}]}, "embedding": {"kind": "none"}}
        self.config = self.folder / "rag_config.yaml"
        self.config.write_text(json.dumps(config | changes), "utf-8")

    def write(self, name: str, text: str) -> None:
        (self.documents / name).write_text(text, "utf-8")

    def plain(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, as a person sees them."""
        found: tuple[int, str, str] = self._seatrial("rag", *words, "--config", str(self.config))
        return found

    def __call__(self, *words: str) -> tuple[int, Any, str]:
        """Exit code, the JSON on stdout, and stderr."""
        code, out, err = self._seatrial("rag", *words, "--config", str(self.config), "--json")
        return code, json.loads(out) if out else None, err


@pytest.fixture
def rag(home: Any, seatrial: Any, tmp_path: Path) -> Rag:
    return Rag(seatrial, tmp_path)
