"""What of a released index is kept, and what each version is said to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.store.sqlite import SqliteStore, path_in
from seatrial.kernel.events import Draft
from seatrial.kernel.store import StoreDenied
from seatrial.rag.index.failures import IndexNotFound
from seatrial.release.projection import Endpoints
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.deploy_index import release_index
from seatrial.wiring.knowledge.indexes import build_index, index_store
from seatrial.wiring.knowledge.leftovers import discard_leftovers, standing_of
from seatrial.wiring.workspace import Workspace

NAME = "ships"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    config = {
        "name": NAME,
        "documents": {"sources": [{"path": "documents"}]},
        "embedding": {"kind": "none"},
        "keep_versions": 1,
    }
    (tmp_path / "documents").mkdir()
    (tmp_path / "rag_config.yaml").write_text(json.dumps(config), "utf-8")
    return workspace_of(home=tmp_path / "home", config=tmp_path / "rag_config.yaml", environment={})


def build(workspace: Workspace, number: int) -> None:
    assert workspace.config is not None
    file = workspace.config.parent / "documents" / "heron.md"
    file.write_text(f"The Heron is {number} metres long.\n", "utf-8")
    assert build_index(workspace, NAME).version == number


def release(workspace: Workspace) -> None:
    placed = release_index(
        workspace,
        NAME,
        version=None,
        share=None,
        watch_s=None,
        by="ann",
        on_step=lambda *_: None,
    )
    placed.store.close()


def say(workspace: Workspace, *kinds: str) -> None:
    """Append facts about the release under way, as a controller would."""
    store = workspace.open_store()
    endpoints = Endpoints(store)
    endpoints.refresh()
    rollout = endpoints.get(NAME).rollout
    assert rollout is not None
    data: dict[str, Any] = {
        "release": rollout.release,
        "version": rollout.version,
        "reason": "fine",
        "report": {},
    }
    endpoints.append(NAME, [Draft(kind=kind, data=data, by="test") for kind in kinds])
    store.close()


def roles(workspace: Workspace) -> dict[int, tuple[str, ...]]:
    found = standing_of(workspace, NAME)
    return {one.version: found.roles(one) for one in found.versions}


def test_before_the_first_release_the_live_version_answers(workspace: Workspace) -> None:
    with pytest.raises(IndexNotFound):
        standing_of(workspace, NAME)
    build(workspace, 1)
    assert roles(workspace) == {1: ("live",)}
    release(workspace)
    assert roles(workspace) == {1: ("live",)}


def test_a_release_loses_nothing_that_it_or_a_rollback_needs(workspace: Workspace) -> None:
    for number in (1, 2):
        build(workspace, number)
        release(workspace)
        say(workspace, "staging.passed", "release.promoted")
    build(workspace, 3)
    release(workspace)  # under test
    build(workspace, 4)
    build(workspace, 5)
    assert roles(workspace) == {
        1: (),
        2: ("in production",),
        3: (),
        4: (),
        5: ("asked by commands and programs",),
    }
    found = standing_of(workspace, NAME)
    assert [one.version for one in found.versions if found.answers(one)] == [2]
    assert discard_leftovers(workspace, NAME, dry_run=True).versions == (4,)
    assert discard_leftovers(workspace, NAME).versions == (4,)
    assert sorted(roles(workspace)) == [1, 2, 3, 5]
    say(workspace, "staging.passed", "canary.warming")
    assert roles(workspace)[3] == ("on trial",)
    for version in (1, 2, 3, 5):
        assert list(index_store(workspace).audit(NAME, version)) == []


def test_versions_are_told_in_a_home_that_can_only_be_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of another user, or mounted read-only; `seatrial rag versions` failed there."""
    for number in (1, 2):
        build(workspace, number)
    unreleased = standing_of(workspace, NAME)
    release(workspace)
    released = standing_of(workspace, NAME)

    def only_read(cls: type[SqliteStore], url: str, *, writable: bool = True) -> SqliteStore:
        if writable:
            raise StoreDenied("read-only", remedy="")
        return cls(path_in(url), writable=False)

    monkeypatch.setattr(SqliteStore, "from_url", classmethod(only_read))
    assert standing_of(workspace, NAME) == released
    assert discard_leftovers(workspace, NAME, dry_run=True).versions == ()
    with pytest.raises(StoreDenied):
        discard_leftovers(workspace, NAME)
    (workspace.home / "seatrial.db").unlink()
    assert standing_of(workspace, NAME) == unreleased
