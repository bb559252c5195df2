"""Experiments of an endpoint: when one may split its requests, and what is left when it ends.

An endpoint does one thing at a time. While a release is on its way to production no experiment
begins, while an experiment runs no release does, and a rollback ends every experiment. All of it is
decided against one stream of facts, so the two cannot contradict each other.
"""

from __future__ import annotations

from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import LEFT, PRODUCTION, EndpointState, check_readable
from seatrial.release.trial import Trial

ENTERED = "experiment.entered"
WON = "endpoint.won"


class TrialConflict(Conflict):
    """The endpoint is not in a state in which this experiment can split its requests."""

    code = "release.trial_conflict"


def enter(state: EndpointState, trial: Trial, *, by: str) -> list[Draft]:
    """Let an experiment split the requests of an endpoint, or more of them than it does already.

    Returns: nothing where it splits as many.
    Raises: TrialConflict: a release is on its way, the control is not in production, a version was
        never tested, or another experiment of the endpoint could want the same keys; UnknownFact.
    """
    running = state.trials.get(trial.experiment)
    if running is None:
        check_may_enter(state, trial)
    elif running.traffic >= trial.traffic:
        return []
    data = {
        "experiment": trial.experiment,
        "arms": [{"name": a.name, "version": a.version, "share": a.share} for a in trial.arms],
        "traffic": trial.traffic,
        "group": trial.group,
        "start": trial.start,
        "end": trial.end,
    }
    return [Draft(kind=ENTERED, data=data, by=by)]


def leave(state: EndpointState, experiment: str, *, winner: int | None, by: str) -> list[Draft]:
    """End an experiment's split, and give the winner all traffic.

    Args: winner: the version to promote; None leaves the one in production.
    Returns: nothing where the experiment has left before: the endpoint is others' by then.
    """
    if experiment not in state.trials:
        return []
    drafts = [Draft(kind=LEFT, data={"experiment": experiment}, by=by)]
    if winner is not None and winner != state.stable:
        # Those that run beside it compare with a version that is no longer in production.
        others = [name for name in state.trials if name != experiment]
        drafts += [Draft(kind=LEFT, data={"experiment": name}, by=by) for name in others]
        reason = f"won the experiment {experiment!r}"
        data = {"version": winner, "experiment": experiment, "reason": reason}
        drafts.append(Draft(kind=WON, data=data, by=by))
    return drafts


def check_may_enter(state: EndpointState, trial: Trial) -> None:
    """Raises: as `enter`."""
    check_readable(state)
    _check_no_release(state)
    _check_versions(state, trial)
    other = next((o for o in state.trials.values() if trial.overlaps(o)), None)
    if other is not None:
        raise TrialConflict(
            f"The experiment {other.experiment!r} splits the requests of {state.name!r} already.",
            remedy="Wait until it has ended, or give both slots of one group that do not overlap.",
            experiment=other.experiment,
        )


def _check_no_release(state: EndpointState) -> None:
    active = state.active
    if active is not None and active.target == PRODUCTION:
        raise TrialConflict(
            f"Release {active.release!r} of endpoint {state.name!r} is still {active.phase.value}.",
            remedy="Wait for its verdict, or end it with `seatrial rollback`; then start again.",
            phase=active.phase.value,
        )


def _check_versions(state: EndpointState, trial: Trial) -> None:
    control = trial.arms[0]
    if state.stable is None or control.version != state.stable:
        served = "none" if state.stable is None else f"version {state.stable}"
        raise TrialConflict(
            f"The control {control.name!r} is version {control.version} of {state.name!r}; in "
            f"production is {served}.",
            remedy="Compare with what is in production: name its version for the first variant.",
            version=control.version,
        )
    for arm in trial.arms:
        if arm.version not in state.tested:
            known = ", ".join(map(str, sorted(state.tested)))
            raise TrialConflict(
                f"{arm.name!r} is version {arm.version} of {state.name!r}, which has not passed "
                "its staging tests.",
                remedy=f"Release it with --target staging first, or name one of: {known}.",
                version=arm.version,
            )
