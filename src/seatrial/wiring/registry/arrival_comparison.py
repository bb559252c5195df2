"""Holds a registered version against the one in production, and decides what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seatrial.release.endpoint import EndpointState
from seatrial.steps.context import Context
from seatrial.training.evaluation.decision import Outcome
from seatrial.training.following.seen import Cause
from seatrial.training.following.standing import ArrivalInput, Standing
from seatrial.wiring.evaluation.cards import card_folder
from seatrial.wiring.registry.card import (
    Verdict,
    copy_card,
    read_evaluation,
    still_holds,
    write_evaluation,
)
from seatrial.wiring.workspace import Workspace

_GOOD = frozenset({Outcome.BETTER, Outcome.NOT_WORSE})


class ArrivalComparison:
    """Compares what arrives, by the rules of its model."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def judged(
        self, context: Context, arrival: ArrivalInput, so_far: Standing, state: EndpointState
    ) -> Verdict:
        """The evaluation that was handed in, where it still holds, else a new one.

        Raises: as `evaluate_order`; EvaluationUnreadable; BundleDiskFull, BundleNotWritten.
        """
        assert so_far.holdout is not None
        assert so_far.version is not None
        assert state.stable is not None
        folder = card_folder(self._workspace, arrival.endpoint, so_far.version)
        holdout = Path(so_far.holdout)
        if so_far.given is not None:
            given = read_evaluation(Path(so_far.given))
            if still_holds(given, baseline=state.digests[state.stable], holdout=holdout):
                context.log("the evaluation that was handed in is used")
                copy_card(Path(so_far.given), folder)
                return given
            context.log("the evaluation that was handed in does not hold any more: made anew")
        found = self._evaluated(context, arrival, so_far, baseline=state.stable)
        return write_evaluation(folder, found)

    def decide(
        self, arrival: ArrivalInput, so_far: Standing, state: EndpointState, verdict: Verdict
    ) -> tuple[bool, str]:
        """Whether it goes on to the canary, and why."""
        if verdict.outcome in _GOOD:
            return True, verdict.reason
        returning = so_far.version in (*state.former, *state.withdrawn)
        if arrival.cause == Cause.ALIAS and returning:
            return True, (
                f"{verdict.reason} It was in production before and {arrival.alias!r} was moved "
                "back to it, so it goes on."
            )
        told = verdict.outcome != Outcome.CANNOT_TELL
        if not told and self._workspace.settings.registry.of(arrival.model).cannot_tell == "canary":
            return True, f"{verdict.reason} It goes on to the canary, as configured."
        return False, verdict.reason

    def _evaluated(
        self, context: Context, arrival: ArrivalInput, so_far: Standing, *, baseline: int
    ) -> Any:
        from seatrial.wiring.evaluation.evaluating import EvaluationOrder, evaluate_order

        config = self._workspace.settings.registry.of(arrival.model)
        configured = config.evaluation or self._workspace.settings.evaluation

        def progress(name: str, text: str) -> None:
            context.check()
            context.progress(None, f"{name}: {text}")

        order = EvaluationOrder(
            new=f"{arrival.endpoint}@{so_far.version}",
            against=f"{arrival.endpoint}@{baseline}",
            data=Path(str(so_far.holdout)),
            label=so_far.label,
            segments=configured.segments or None,
            training=config.training,
            rules=configured.rules(),
        )
        return evaluate_order(
            self._workspace,
            order,
            on_step=lambda _mark, name, text: context.log(f"{name}: {text}"),
            on_progress=progress,
        )
