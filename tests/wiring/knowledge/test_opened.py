"""Indexes as a program opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.rag.index.conditions import ConditionInvalid, Equals
from seatrial.wiring.knowledge.indexes import build_index
from seatrial.wiring.knowledge.opened import OpenKnowledge, open_knowledge
from seatrial.wiring.workspace import open_workspace


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.md").write_text("---\nyear: 2020\n---\nThe mast is tall.\n")
    (tmp_path / "docs" / "new.md").write_text("---\nyear: 2026\n---\nThe mast is short.\n")
    path = tmp_path / "seatrial.yaml"
    path.write_text(
        "knowledge: {ship: {documents: {sources: [{path: docs}]}, embedding: {kind: none}}}\n"
    )
    build_index(open_workspace(home=tmp_path / "home", config=path), "ship")
    return path


def opened(config: Path) -> OpenKnowledge:
    return open_knowledge(home=config.parent / "home", config=config)


def test_paths_may_be_texts(config: Path) -> None:
    with open_knowledge(home=str(config.parent / "home"), config=str(config)) as knowledge:
        assert knowledge.search("mast").found
    alone = config.with_name("rag_config.yaml")
    alone.write_text("documents: {sources: [{path: docs}]}\nname: ship\n")
    with open_knowledge(home=str(config.parent / "home"), config=str(alone)) as knowledge:
        assert knowledge.names() == ["ship"]


def test_a_condition_is_json_or_what_it_stands_for(config: Path) -> None:
    with opened(config) as knowledge:
        assert knowledge.names() == ["ship"]
        for where in ({"year": 2026}, Equals("year", 2026)):
            (found,) = knowledge.search("mast", where=where).found
            assert found.passage.document == "new.md"


@pytest.mark.parametrize("where", [[], "year", 3, {"year": float("nan")}])
def test_what_is_no_condition_is_told(config: Path, where: Any) -> None:
    with opened(config) as knowledge, pytest.raises(ConditionInvalid):
        knowledge.search("mast", where=where)


def test_rights_that_were_taken_away_are_not_found_in_an_earlier_version(config: Path) -> None:
    docs = config.parent / "docs"
    (docs / "old.md").write_text("---\nreaders: [hr]\n---\nThe mast is tall.\n")
    (docs / "new.md").unlink()
    (docs / "next.md").write_text("The mast is of ash.\n")
    build_index(open_workspace(home=config.parent / "home", config=config), "ship")
    with opened(config) as knowledge:

        def found(readers: frozenset[str] | None, version: int) -> list[str]:
            result = knowledge.search("mast", readers=readers, version=version)
            reply = knowledge.ask("Is the mast tall or short?", readers=readers, version=version)
            named = sorted(one.passage.document for one in result.found)
            assert {one.document for one in reply.citations} <= set(named)
            return named

        nobody, hr = frozenset[str](), frozenset({"hr"})
        assert (found(nobody, 1), found(hr, 1), found(None, 1)) == (
            [],
            ["old.md"],
            ["new.md", "old.md"],
        )
        assert (found(nobody, 2), found(hr, 2)) == (["next.md"], ["next.md", "old.md"])
