"""Runs staging in the background, for a controller."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.release.gate_record import gates_from_dict
from seatrial.release.rollout import Rollout, Staged
from seatrial.serving.spawn import ChildLimits
from seatrial.wiring.kinds import INDEX, PROMPT
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.packaging.staging_report import StagingReport
    from seatrial.registry.bundle import Bundle

_log = logging.getLogger(__name__)

_LIMITS = ChildLimits()


class Stage(Protocol):
    """Tests versions of a kind of their own."""

    def __call__(self, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]) -> Staged:
        """Blocks, on a thread; told the name of each test to tell ``on_test``.

        Raises: what keeps the tests from running; that counts as failed.
        """
        ...


def stage_prompt(
    workspace: Workspace, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]
) -> Staged:
    """See `Stage`; what judges answers is loaded when there are some."""
    with ONE_AT_A_TIME:
        from seatrial.wiring.prompts.staging import PromptStage

    return PromptStage(workspace)(rollout, endpoint, on_test)


def stage_index(
    workspace: Workspace, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]
) -> Staged:
    """See `Stage`; what reads indexes is loaded when there are some."""
    with ONE_AT_A_TIME:
        from seatrial.wiring.knowledge.staging import IndexStage

    return IndexStage(workspace)(rollout, endpoint, on_test)


def other_stages(workspace: Workspace) -> Mapping[str, Stage]:
    """What tests versions that are no models, by their kind."""
    return {PROMPT: partial(stage_prompt, workspace), INDEX: partial(stage_index, workspace)}


def variables_of(workspace: Workspace, bundle: Bundle) -> Mapping[str, str]:
    """What a server of the bundle has to know of an engine elsewhere.   Raises: UnknownEngine."""
    if bundle.manifest.plan.get("remote") is None:
        return {}
    with ONE_AT_A_TIME:
        from seatrial.wiring.deploying.remote_engines import as_variables

    return as_variables(workspace.settings.engines, bundle, home=workspace.home)


@dataclass(slots=True)
class _Job:
    release: str
    thread: threading.Thread
    result: Staged | None = None


class BackgroundStager:
    """A `release.controller.Stager`: one thread per release under test.

    Args:
        bundles: folder of the bundles.
        release_folder: where the reports of a version go.
        on_test: is told which test of which endpoint begins.
        finished: called with a passed report before it is handed on, to write what depends on it.
        load_s: how long a model is loaded, > 0.
        limits: see `stage`.
        others: what tests versions that are no models, by their kind.
        variables: of the environment that a bundle is served with.
    """

    def __init__(
        self,
        bundles: Path,
        release_folder: Callable[[str, int], Path],
        *,
        on_test: Callable[[str, str], None] = lambda _endpoint, _test: None,
        finished: Callable[[Bundle, StagingReport, int], None] = lambda _b, _r, _v: None,
        load_s: float = 5.0,
        limits: ChildLimits = _LIMITS,
        others: Mapping[str, Stage] = MappingProxyType({}),
        variables: Callable[[Bundle], Mapping[str, str]] = lambda _bundle: {},
    ) -> None:
        self._variables = variables
        self._others = others
        self._bundles = bundles
        self._release_folder = release_folder
        self._on_test = on_test
        self._finished = finished
        self._load_s = load_s
        self._limits = limits
        self._jobs: dict[str, _Job] = {}

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        """See `release.controller.Stager`."""
        job = self._jobs.get(endpoint)
        if job is None or job.release != rollout.release:
            thread = threading.Thread(
                target=self._run, args=(rollout, endpoint), name=f"staging-{endpoint}", daemon=True
            )
            self._jobs[endpoint] = _Job(rollout.release, thread)
            thread.start()
            return None
        return job.result

    def close(self) -> None:
        """See `release.controller.Stager`; a test server ends when this process does."""
        self._jobs.clear()

    def _run(self, rollout: Rollout, endpoint: str) -> None:
        job = self._jobs[endpoint]
        stage = self._others.get(rollout.kind, self._stage_model)
        try:
            job.result = stage(rollout, endpoint, lambda test: self._on_test(endpoint, test))
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            # A release whose tests ended without a word would wait for ever.
            foreseen = isinstance(problem, SeatrialError)
            said = problem if foreseen else repr(problem)
            _log.warning("staging of %s failed: %s", rollout.release, said, exc_info=not foreseen)
            job.result = Staged(passed=False, reason=f"staging could not run: {said}")

    def _stage_model(
        self, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]
    ) -> Staged:
        # Only now: a server that tests nothing does without the memory it takes.
        with ONE_AT_A_TIME:
            from seatrial.packaging.staging import Effort
            from seatrial.registry.bundle import Bundle
            from seatrial.wiring.deploying.stager import stage

        bundle = Bundle.open(self._bundles / rollout.digest, digest=rollout.digest)
        report = stage(
            self._release_folder(endpoint, rollout.version),
            bundle,
            endpoint=endpoint,
            version=rollout.version,
            gates=gates_from_dict(rollout.plan.gates),
            effort=Effort(load_s=self._load_s),
            limits=self._limits,
            variables=self._variables(bundle),
            on_test=on_test,
        )
        self._finished(bundle, report, rollout.version)
        return Staged(passed=report.passed, reason=report.reason, report=report.as_dict())


def stager_of(
    workspace: Workspace,
    *,
    finished: Callable[[Workspace, Bundle, StagingReport, int], None],
    on_test: Callable[[str, str], None] = lambda _endpoint, _test: None,
) -> BackgroundStager:
    """The stager of a workspace, as it is configured; see `BackgroundStager`."""
    return BackgroundStager(
        workspace.bundles,
        workspace.release_folder,
        on_test=on_test,
        finished=partial(finished, workspace),
        load_s=workspace.settings.release.staging_load,
        limits=workspace.settings.server.child_limits(),
        others=other_stages(workspace),
        variables=partial(variables_of, workspace),
    )
