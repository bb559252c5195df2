"""Releases a version of an index: registers which one is meant, and begins its release.

What follows (staging, canary, promotion) is the way of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial.rag.index.failures import IndexNotFound
from seatrial.rag.index.writing import VersionFacts
from seatrial.release.desk import Desk
from seatrial.release.endpoint import PRODUCTION
from seatrial.wiring.deploying.deploy import Placed, begin
from seatrial.wiring.deploying.order import Order, as_asked
from seatrial.wiring.kinds import INDEX
from seatrial.wiring.knowledge.indexes import check_answering, index_store, knowledge_config
from seatrial.wiring.knowledge.releases import register_version
from seatrial.wiring.workspace import Workspace


def release_index(
    workspace: Workspace,
    name: str,
    *,
    version: int | None,
    share: float | None,
    watch_s: float | None,
    by: str,
    target: str = PRODUCTION,
    on_step: Callable[[str, str, str], None],
) -> Placed:
    """Register a version of an index, the newest where none is named, and begin its release.

    Args:
        share: of the canary in its first step; None as configured.
        watch_s: of every step; None as configured.
        target: ``staging`` ends after the tests.
        on_step: told of each step that has ended.
    Raises: KnowledgeUnknown, IndexNotFound, AnsweringInvalid; RolloutConflict: another release of
        it is under way; ModelNameInvalid.
    """
    name, config = knowledge_config(workspace, name)
    check_answering(workspace, name, config)
    facts = _facts(workspace, name, version)
    order = Order(model=Path(name), name=name, target=target, share=share, watch_s=watch_s, by=by)
    store = workspace.open_store()
    try:
        desk = Desk(store)
        desk.check_free(name, kind=INDEX, target=target)
        registered = register_version(store, name, facts, by=by)
        on_step(
            "ok",
            "register",
            f"{name} version {registered.number}: version {facts.version} of the index, "
            f"{facts.n_documents:,} documents",
        )
        plan = as_asked(config.release.plan(), order)
        return begin(desk, store, order, registered, plan, kind=INDEX, on_step=on_step)
    except BaseException:
        store.close()
        raise


def _facts(workspace: Workspace, name: str, version: int | None) -> VersionFacts:
    known = index_store(workspace).versions(name)
    found = [one for one in known if version in (None, one.version)]
    if not found:
        kept = ", ".join(str(one.version) for one in known)
        raise IndexNotFound(
            f"The index {name!r} has no version {version}.", remedy=f"Kept are: {kept}."
        )
    return found[-1]
