"""The indexes of a workspace as people look after them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from seatrial.kernel.errors import Unavailable
from seatrial.kernel.store import Store
from seatrial.rag.answering.reply import Citation
from seatrial.rag.index.failures import IndexNotFound
from seatrial.rag.index.reading import IndexFacts
from seatrial.rag.index.writing import VersionFacts
from seatrial.rag.knowledge.asked import Knowledge, KnowledgeFacts
from seatrial.rag.knowledge.desk import (
    KeptEvaluation,
    KeptEvaluations,
    Surroundings,
)
from seatrial.wiring.knowledge.evaluation import evaluations_folder
from seatrial.wiring.knowledge.here import KnowledgeHere
from seatrial.wiring.knowledge.indexes import index_store, knowledge_config, roll_back
from seatrial.wiring.knowledge.releases import (
    check_unreleased,
    is_released,
    version_in_production,
)
from seatrial.wiring.settings import FILE
from seatrial.wiring.workspace import Workspace

_MOST_EVALUATIONS = 200
"""The newest are read."""


class EvaluationsUnreadable(Unavailable):
    """The folder of evaluations cannot be read."""

    code = "rag.evaluations_unreadable"


class WorkspaceKnowledge:
    """See `rag.knowledge.desk.KnowledgeDesk`.

    Args:
        here: answers questions.
        facts: which versions are released; stays the caller's to close.
    """

    def __init__(self, workspace: Workspace, here: KnowledgeHere, facts: Store) -> None:
        self._workspace, self._here, self._facts = workspace, here, facts
        self._store = index_store(workspace)

    @property
    def knowledge(self) -> Knowledge:
        """See KnowledgeDesk."""
        return self._here

    def names(self) -> Sequence[str]:
        """See KnowledgeDesk."""
        return self._here.names()

    def facts(self, name: str) -> KnowledgeFacts:
        """See KnowledgeDesk."""
        _, config = knowledge_config(self._workspace, name)
        version = version_in_production(self._facts, name)
        found: IndexFacts = self._store.open(name, version).facts
        return KnowledgeFacts(
            name=name,
            version=found.version,
            n_documents=found.n_documents,
            n_chunks=found.n_chunks,
            embedder=found.embedder,
            languages=found.languages,
            answered_by=config.answering.model or "extractive",
        )

    def build_command(self, name: str) -> str:
        """See KnowledgeDesk."""
        knowledge_config(self._workspace, name)
        command = ["seatrial", "rag", "build", "--index", name]
        config = self._workspace.config
        if config is not None and config.name != FILE:
            command += ["--config", str(config)]
        return shlex.join(command)

    def versions(self, name: str) -> Sequence[VersionFacts]:
        """See KnowledgeDesk."""
        knowledge_config(self._workspace, name)
        try:
            return self._store.versions(name)
        except IndexNotFound:
            return []

    def is_released(self, name: str) -> bool:
        """See KnowledgeDesk."""
        return is_released(self._facts, name)

    def activate(self, name: str, version: int) -> None:
        """See KnowledgeDesk."""
        knowledge_config(self._workspace, name)
        check_unreleased(self._facts, name)
        roll_back(self._workspace, name, to=version)
        self._here.changed(name)

    def evaluations(self, name: str) -> KeptEvaluations:
        """See KnowledgeDesk.   Raises: EvaluationsUnreadable."""
        knowledge_config(self._workspace, name)
        found: list[KeptEvaluation] = []
        n_unreadable = 0
        try:
            folder = evaluations_folder(self._workspace) / name
            paths = sorted(folder.glob("*.json"))[-_MOST_EVALUATIONS:]
            for path in paths:
                try:
                    found.append(msgspec.json.decode(path.read_bytes(), type=KeptEvaluation))
                except msgspec.MsgspecError:
                    n_unreadable += 1
        except OSError as error:
            raise EvaluationsUnreadable(
                f"The evaluations of {name!r} cannot be read: {error.strerror}.",
                remedy=f"Let the server read the folder {evaluations_folder(self._workspace)}.",
            ) from error
        return KeptEvaluations(
            found=sorted(found, key=lambda one: one.at), n_unreadable=n_unreadable
        )

    async def surroundings(
        self, name: str, version: int, citation: Citation, *, reach: int
    ) -> Surroundings:
        """See KnowledgeDesk."""
        return await self._here.surroundings(name, version, citation, reach=reach)
