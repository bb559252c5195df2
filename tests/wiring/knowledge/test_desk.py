"""The desk of indexes over a real store: versions, releases, evaluations, text around citations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Store
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.index.failures import IndexDamaged, IndexNotFound, NotInIndex
from seatrial.rag.knowledge.asked import Asked, KnowledgeUnknown
from seatrial.rag.knowledge.desk import IndexIsReleased, Surroundings
from seatrial.release.config import ReleaseConfig
from seatrial.release.controller import Controller
from seatrial.release.desk import Desk
from seatrial.release.rollout import Rollout, Staged
from seatrial.testing import MemoryStore
from seatrial.wiring.kinds import INDEX
from seatrial.wiring.knowledge.desk import EvaluationsUnreadable, WorkspaceKnowledge
from seatrial.wiring.knowledge.evaluation import (
    EvaluationNotKept,
    evaluations_folder,
    keep_evaluation,
)
from seatrial.wiring.knowledge.here import KnowledgeHere
from seatrial.wiring.knowledge.indexes import build_index, index_store
from seatrial.wiring.knowledge.releases import register_version
from seatrial.wiring.knowledge.staging import IndexStage
from seatrial.wiring.workspace import Workspace, open_workspace

TEXT = "Nobody asks this. Every employee has 30 days of annual leave. It ends in March.\n"
CONFIG = """
knowledge:
  hr: {documents: {sources: [{path: docs}]}, embedding: {kind: none}}
  new: {documents: {sources: [{path: docs}]}, embedding: {kind: none}}
"""


class Passed:
    """A stager whose tests have all ended well."""

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        return Staged(passed=True, reason="passed", report={})

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "leave.txt").write_text(TEXT)
    (tmp_path / "seatrial.yaml").write_text(CONFIG)
    made = open_workspace(home=tmp_path / "home", config=tmp_path / "seatrial.yaml")
    build_index(made, "hr")
    (tmp_path / "docs" / "more.txt").write_text("Travel by train is paid in second class.\n")
    build_index(made, "hr")
    return made


@pytest.fixture
def facts() -> MemoryStore:
    return MemoryStore(clock=SystemClock())


@pytest.fixture
def desk(workspace: Workspace, facts: MemoryStore) -> Iterator[WorkspaceKnowledge]:
    here = KnowledgeHere(workspace)
    yield WorkspaceKnowledge(workspace, here, facts)
    asyncio.run(here.close())


def started(workspace: Workspace, facts: Store, *, version: int) -> None:
    """A version of the index on its way into production."""
    chosen = index_store(workspace).versions("hr")[version - 1]
    made = register_version(facts, "hr", chosen, by="ann")
    Desk(facts).start(
        "hr",
        version=made.number,
        digest=made.digest,
        target="production",
        plan=ReleaseConfig().plan(),
        by="ann",
        notes={},
        kind=INDEX,
    )


def promoted(facts: MemoryStore) -> None:
    """What was started, in production: it is the first."""
    facts.beat(
        "worker/s/0",
        {
            "address": "http://127.0.0.1:1",
            "loaded": {"hr": [1]},
            "applied": {"hr": Desk(facts).state("hr").target_revision},
            "failed": {"hr": {}},
        },
    )
    controller = Controller(facts, clock=SystemClock(), stager=Passed(), holder="test")
    controller.tick()
    controller.close()


def test_an_index_stands_as_its_live_version_does(desk: WorkspaceKnowledge) -> None:
    assert desk.names() == ["hr", "new"]
    found = desk.facts("hr")
    assert (found.version, found.n_documents, found.answered_by) == (2, 2, "extractive")
    assert [(one.version, one.live) for one in desk.versions("hr")] == [(1, False), (2, True)]
    desk.activate("hr", 1)
    assert desk.facts("hr").n_documents == 1
    with pytest.raises(IndexNotFound):
        desk.activate("hr", 7)


async def test_a_version_that_is_made_live_here_answers_at_once(desk: WorkspaceKnowledge) -> None:
    for version in (2, 1, 2):
        desk.activate("hr", version)
        assert (await desk.knowledge.facts("hr")).version == version


def test_a_damaged_version_does_not_become_the_live_one(
    desk: WorkspaceKnowledge, workspace: Workspace
) -> None:
    (workspace.home / "knowledge" / "hr" / "versions" / "000001.json").write_text("{}")
    with pytest.raises(IndexDamaged):
        desk.activate("hr", 1)
    assert desk.facts("hr").version == 2


def test_a_damaged_version_is_rejected_by_its_audit(
    workspace: Workspace,
) -> None:
    store = workspace.open_store()
    started(workspace, store, version=1)
    rollout = Desk(store).state("hr").rollout
    store.close()
    assert rollout is not None
    (workspace.home / "knowledge" / "hr" / "versions" / "000001.json").write_text("{}")
    tests: list[str] = []
    staged = IndexStage(workspace)(rollout, "hr", tests.append)
    assert (staged.passed, tests) == (False, ["audit"])
    assert "audit" in staged.reason


def test_what_is_not_built_has_no_versions_and_a_command(
    desk: WorkspaceKnowledge, workspace: Workspace
) -> None:
    with pytest.raises(IndexNotFound):
        desk.facts("new")
    assert desk.versions("new") == []
    assert desk.build_command("new") == "seatrial rag build --index new"
    for look in (desk.facts, desk.versions, desk.build_command, desk.evaluations):
        with pytest.raises(KnowledgeUnknown):
            look("../hr")


def test_another_configuration_is_named_in_the_command(tmp_path: Path) -> None:
    config = tmp_path / "my rag.yaml"
    config.write_text(CONFIG)
    workspace = open_workspace(home=tmp_path / "home", config=config)
    desk = WorkspaceKnowledge(workspace, KnowledgeHere(workspace), MemoryStore(clock=SystemClock()))
    assert desk.build_command("hr") == f"seatrial rag build --index hr --config '{config}'"


def test_a_released_index_stands_as_its_version_in_production(
    desk: WorkspaceKnowledge, workspace: Workspace, facts: MemoryStore
) -> None:
    assert not desk.is_released("hr")
    started(workspace, facts, version=1)
    assert desk.is_released("hr")
    assert desk.facts("hr").version == 2  # the live one answers while the first is tested
    promoted(facts)
    assert desk.facts("hr").version == 1
    with pytest.raises(IndexIsReleased):
        desk.activate("hr", 1)


def evaluation(version: int) -> Evaluation:
    return Evaluation(
        name="hr",
        index="hr",
        version=version,
        k=10,
        scores={Metric.NDCG: {"1": 1.0, "2": 0.5}, Metric.SECONDS: {"1": 0.1}},
        texts={"1": "one?", "2": "two?"},
    )


def test_an_evaluation_that_cannot_be_kept_is_told_and_leaves_nothing(workspace: Workspace) -> None:
    folder = evaluations_folder(workspace)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder shall be")
    with pytest.raises(EvaluationNotKept, match="cannot be kept"):
        keep_evaluation(workspace, evaluation(1), at=None)
    assert folder.read_text() == "a file where the folder shall be"


def test_evaluations_come_back_in_order_and_other_files_are_counted(
    desk: WorkspaceKnowledge, workspace: Workspace
) -> None:
    assert desk.evaluations("hr").found == []
    at = datetime(2026, 11, 2, tzinfo=UTC)
    keep_evaluation(workspace, evaluation(2), at=at)
    keep_evaluation(workspace, evaluation(1), at=at - timedelta(days=1))
    folder = evaluations_folder(workspace) / "hr"
    (folder / "broken.json").write_bytes(b'{"at": ')
    (folder / "other.json").write_bytes(b'{"version": "two"}')
    kept = desk.evaluations("hr")
    assert [one.version for one in kept.found] == [1, 2]
    assert kept.found[1].at == at
    assert kept.found[0].metrics["ndcg"].mean == 0.75
    assert kept.found[0].metrics["ndcg"].n == 2
    assert kept.n_unreadable == 2
    (folder / "folder.json").mkdir()
    with pytest.raises(EvaluationsUnreadable):
        desk.evaluations("hr")


def test_a_citation_stands_in_its_document(desk: WorkspaceKnowledge, workspace: Workspace) -> None:
    async def look() -> None:
        asked = Asked(question="How many days of annual leave has an employee?")
        reply = await desk.knowledge.answer("hr", asked)
        (cited,) = reply.citations
        start, end = cited.span
        around = await desk.surroundings("hr", reply.version, cited, reach=1_000)
        assert around == Surroundings(before=TEXT[:start], after=TEXT[end:], begins=True, ends=True)
        assert around.before + cited.text + around.after == TEXT
        near = await desk.surroundings("hr", reply.version, cited, reach=4)
        assert near == Surroundings(
            before=TEXT[start - 4 : start], after=TEXT[end : end + 4], begins=False, ends=False
        )
        with pytest.raises(IndexNotFound):
            await desk.surroundings("hr", 9, cited, reach=4)
        (Path(str(workspace.config)).parent / "docs" / "leave.txt").unlink()
        build_index(workspace, "hr", shrink=True)
        with pytest.raises(NotInIndex):
            await desk.surroundings("hr", 3, cited, reach=4)

    asyncio.run(look())
