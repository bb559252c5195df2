"""Staging of a version of an index: read whole, and asked the configured questions."""

from __future__ import annotations

import time
from collections.abc import Callable

from seatrial.packaging.staging_report import StagingReport, TestResult
from seatrial.rag.evaluation.comparison import Comparison, Outcome, compare
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.evaluation_page import verdict
from seatrial.rag.evaluation.questions import read_questions
from seatrial.rag.index.reading import Scope
from seatrial.rag.knowledge.config import KnowledgeConfig
from seatrial.registry.documents import documents, find
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Rollout, Staged
from seatrial.wiring.deploying.stager import write_report
from seatrial.wiring.kinds import INDEX
from seatrial.wiring.knowledge.evaluation import evaluate_version
from seatrial.wiring.knowledge.here import retriever_of
from seatrial.wiring.knowledge.indexes import corpus_folder, index_store, knowledge_config
from seatrial.wiring.knowledge.releases import index_version_of
from seatrial.wiring.workspace import Workspace


class IndexStage:
    """Tests a version of an index; see `wiring.deploying.staging_jobs.Stage`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]) -> Staged:
        """Blocks.   Raises: KnowledgeUnknown, DocumentUnknown, QuestionsInvalid; what reading
        and searching raise."""
        workspace = self._workspace
        name, config = knowledge_config(workspace, endpoint)
        version, stable = self._versions(rollout, name)
        tests: list[TestResult] = []
        measured: dict[str, float] = {}

        def test(called: str, work: Callable[[], tuple[bool, str]]) -> None:
            on_test(called)
            began = time.monotonic()
            passed, detail = work()
            seconds = time.monotonic() - began
            tests.append(TestResult(name=called, passed=passed, detail=detail, seconds=seconds))

        test("audit", lambda: self._audited(name, version))
        if tests[0].passed:
            test("search", lambda: self._searched(name, config, version))
        if config.questions and all(one.passed for one in tests):
            test("questions", lambda: self._asked(name, config, version, stable, measured))
        report = StagingReport(
            endpoint=endpoint,
            version=rollout.version,
            digest=rollout.digest,
            tests=tuple(tests),
            measured=measured,
        )
        folder = workspace.release_folder(endpoint, rollout.version)
        folder.mkdir(parents=True, exist_ok=True)
        write_report(folder, report)
        return Staged(passed=report.passed, reason=report.reason, report=report.as_dict())

    def _versions(self, rollout: Rollout, name: str) -> tuple[int, int | None]:
        """Of the index store: the one under test, and the one in production."""
        store = self._workspace.open_store()
        try:
            tested = index_version_of(find(store, INDEX, name, rollout.digest).content)
            endpoints = Endpoints(store)
            endpoints.refresh()
            stable = endpoints.get(name).stable
            known = {one.number: one.content for one in documents(store, INDEX, name)}
        finally:
            store.close()
        return tested, None if stable is None else index_version_of(known[stable])

    def _audited(self, name: str, version: int) -> tuple[bool, str]:
        found = index_store(self._workspace).audit(name, version)
        if not found:
            return True, "documents, chunks, words and vectors agree"
        first = found[0]
        return False, f"{len(found)} differences, first: {first.part} {first.place}: {first.reason}"

    def _searched(self, name: str, config: KnowledgeConfig, version: int) -> tuple[bool, str]:
        """Whether it finds a passage of its own by that passage's words."""
        index = index_store(self._workspace).open(name, version)
        facts = index.facts
        keys = index.keys()
        if not len(keys):
            return False, "it has no chunk"
        (passage,) = index.passages([int(keys[len(keys) // 2])])
        found = retriever_of(self._workspace, config, index).search(
            passage.text[:500], Scope(readers=None), k=10
        )
        said = f"{facts.n_documents:,} documents, {facts.n_chunks:,} chunks"
        if any(one.passage.document == passage.document for one in found.found):
            return True, said
        return False, f"{said}; {passage.document!r} is not found by its own words"

    def _asked(
        self,
        name: str,
        config: KnowledgeConfig,
        version: int,
        stable: int | None,
        measured: dict[str, float],
    ) -> tuple[bool, str]:
        questions = read_questions(corpus_folder(self._workspace) / config.questions)
        found = evaluate_version(self._workspace, name, questions, version=version)
        measured |= _measured(found)
        ndcg = measured.get("ndcg", 0.0)
        said = f"nDCG@{found.k} {ndcg:.3f} over {measured.get('n_questions', 0):g} questions"
        if stable is None:
            return True, said
        comparison = compare(
            evaluate_version(self._workspace, name, questions, version=stable), found
        )
        return comparison.outcome is not Outcome.WORSE, f"{said}. {_verdict(comparison)}"


def _measured(found: Evaluation) -> dict[str, float]:
    measured = {}
    for metric in (Metric.NDCG, Metric.RECALL, Metric.RECIPROCAL_RANK):
        mean = found.mean(metric)
        if mean is not None:
            measured[metric.value] = mean.mean
            measured["n_questions"] = float(mean.n)
    return measured


def _verdict(comparison: Comparison) -> str:
    return verdict(comparison, "en")
