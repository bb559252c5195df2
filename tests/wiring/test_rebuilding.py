"""A folder is built again: what changed is found, and what did not change is not read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.index import stamps as index_stamps
from seatrial.rag.ingest.ingest import TooFewLeft
from seatrial.rag.ingest.report import IngestReport
from seatrial.rag.loading import source
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index, index_store, roll_back

NAME = "ships"
SHIPS = {
    f"{name}.md": f"The {name} is a ship of the harbour.\n" for name in ("heron", "kestrel", "tern")
}


class Library:
    """An index, the folder it is built from, and what a build reads of that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents = folder / "documents"
        self.documents.mkdir()
        for name, text in SHIPS.items():
            self.write(name, text)
        self.read: list[str] = []
        self.configure()

    def configure(self, **documents: Any) -> None:
        config = {
            "name": NAME,
            "documents": {"sources": [{"path": "documents"}]} | documents,
            "embedding": {"kind": "none"},
        }
        (self.folder / "rag_config.yaml").write_text(json.dumps(config), "utf-8")

    def write(self, name: str, text: str) -> None:
        (self.documents / name).write_text(text, "utf-8")

    def build(self, **values: Any) -> IngestReport:
        self.read.clear()
        return build_index(self.workspace, NAME, **values)

    @property
    def workspace(self) -> Any:
        config = self.folder / "rag_config.yaml"
        return workspace_of(home=self.folder / "home", config=config, environment={})

    @property
    def stamps(self) -> Path:
        return self.folder / "home" / "knowledge" / NAME / "files.stamps"

    def text(self, name: str) -> str:
        return index_store(self.workspace).open(NAME).document(name).text


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """To which all files have settled, on a drive that is trusted."""
    made = Library(tmp_path)
    monkeypatch.setattr("seatrial.rag.loading.stamps.SETTLED_NS", 0)
    monkeypatch.setattr(
        "seatrial.wiring.knowledge.indexes.trusted_devices",
        lambda paths: frozenset(path.stat().st_dev for path in paths if path.exists()),
    )
    reads = source.read_found

    def noting(found: Any, limit: int) -> Any:
        made.read.append(found.source)
        return reads(found, limit)

    monkeypatch.setattr(source, "read_found", noting)
    return made


def test_files_that_did_not_change_are_not_read(library: Library) -> None:
    assert library.build().n_new == 3
    again = library.build()
    assert library.read == []
    assert (again.version, again.n_unchanged, again.changed) == (1, 3, False)


def test_a_changed_file_a_new_one_and_one_that_is_gone_are_found(library: Library) -> None:
    library.build()
    library.write("heron.md", "The heron was sold.\n")
    library.write("gull.md", "The gull is new.\n")
    (library.documents / "tern.md").unlink()
    report = library.build()
    assert library.read == ["gull.md", "heron.md"]
    assert (report.n_new, report.n_changed, report.n_removed) == (1, 1, 1)
    assert library.text("heron.md") == "The heron was sold.\n"
    library.build()
    assert library.read == []


def test_everything_is_read_where_that_is_asked_for(library: Library) -> None:
    library.build()
    assert library.build(rehash=True).n_unchanged == 3
    assert library.read == sorted(SHIPS)
    library.configure(rehash=True)
    library.build()
    assert library.read == sorted(SHIPS)
    library.configure()
    library.build()
    assert library.read == []


def test_an_index_of_before_is_built_again_as_it_was_and_knows_its_files_from_then_on(
    library: Library,
) -> None:
    library.build()
    library.stamps.unlink()
    assert library.build().version == 1
    assert library.read == sorted(SHIPS)
    library.build()
    assert library.read == []


@pytest.mark.parametrize("harm", [b"", b"\0" * 100, b"00000000\n"])
def test_damaged_stamps_cost_time_and_nothing_else(library: Library, harm: bytes) -> None:
    library.build()
    library.stamps.write_bytes(harm)
    assert library.build().n_unchanged == 3
    assert library.read == sorted(SHIPS)
    library.build()
    assert library.read == []


def test_stamps_of_another_boot_are_not_trusted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.build()
    clock = index_stamps.BootClock("another", 0, 0)
    monkeypatch.setattr("seatrial.adapters.index.embedded.boot_clock", lambda: clock)
    assert library.build().n_unchanged == 3
    assert library.read == sorted(SHIPS)


def test_a_copied_folder_is_read_by_a_copied_index(library: Library) -> None:
    library.build()
    copy = library.documents.with_name("copy")
    shutil.copytree(library.documents, copy)
    shutil.rmtree(library.documents)
    copy.rename(library.documents)
    assert library.build().n_unchanged == 3
    assert library.read == sorted(SHIPS)


def test_files_on_drives_that_are_not_trusted_are_read_each_time(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.build()
    monkeypatch.setattr("seatrial.wiring.knowledge.indexes.trusted_devices", lambda _: frozenset())
    for _ in range(2):
        assert library.build().n_unchanged == 3
        assert library.read == sorted(SHIPS)


def test_after_a_rollback_the_files_are_what_counts(library: Library) -> None:
    library.build()
    library.write("heron.md", "The heron was sold.\n")
    library.build()
    roll_back(library.workspace, NAME)
    assert library.text("heron.md") == SHIPS["heron.md"]
    assert library.build().n_changed == 1
    assert library.read == ["heron.md"]
    assert library.text("heron.md") == "The heron was sold.\n"


def test_with_another_way_of_cutting_all_is_read_again(library: Library) -> None:
    library.build()
    config = json.loads((library.folder / "rag_config.yaml").read_text("utf-8"))
    config["chunking"] = {"unit": "characters", "length": 200}
    (library.folder / "rag_config.yaml").write_text(json.dumps(config), "utf-8")
    assert library.build().n_new == 3
    assert library.read == sorted(SHIPS)


def test_after_a_build_that_published_nothing_the_next_has_what_the_files_say(
    library: Library,
) -> None:
    library.build()
    for name in SHIPS:
        (library.documents / name).unlink()
    library.write("gull.md", "The gull is new.\n")
    with pytest.raises(TooFewLeft):
        library.build()
    for name, text in SHIPS.items():
        library.write(name, text)
    assert library.build().n_unchanged == 4  # the draft has the new one
    assert library.text("gull.md") == "The gull is new.\n"
