"""The state of an estimate as a stored record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.stats.calibration import Expectation
from seatrial.stats.fusion import PACES, Belief, Fusion, Residuals, Step

_VERSION = 1


class BadFusion(Invalid):
    """A stored state of an estimate that this version cannot read."""

    code = "stats.bad_fusion"


def fusion_to_dict(state: Fusion) -> dict[str, object]:
    """A JSON-able record that `fusion_from_dict` reads back as an equal state."""
    return {
        "version": _VERSION,
        "unit": state.unit,
        "before": _belief_to_list(state.before),
        "steps": [
            [
                step.index,
                step.windows,
                step.expected.n,
                step.expected.mean,
                step.expected.row_variance,
                step.expected.map_variance,
                *_residuals_to_list(step.audited),
                *_residuals_to_list(step.labelled),
            ]
            for step in state.steps
        ],
        "beliefs": [_belief_to_list(belief) for belief in state.beliefs],
    }


def fusion_from_dict(record: Mapping[str, Any]) -> Fusion:
    """The state of a record.   Raises: BadFusion: of another version, or no such record."""
    try:
        if record["version"] != _VERSION:
            raise _bad(f"version {record['version']!r} is unknown")
        state = Fusion(
            unit=float(record["unit"]),
            before=_belief_from_list(record["before"]),
            steps=tuple(_step_from_list(values) for values in record["steps"]),
            beliefs=tuple(_belief_from_list(values) for values in record["beliefs"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise _bad(repr(problem)) from problem
    if len(state.steps) != len(state.beliefs):
        raise _bad(f"{len(state.steps)} steps but {len(state.beliefs)} beliefs")
    return state


def _belief_to_list(belief: Belief) -> list[list[float]]:
    return [list(belief.weights), list(belief.means), list(belief.variances)]


def _belief_from_list(values: Any) -> Belief:
    weights, means, variances = (tuple(float(x) for x in part) for part in values)
    if not len(weights) == len(means) == len(variances) == len(PACES):
        raise ValueError("a belief has as many parts as there are paces")
    return Belief(weights=weights, means=means, variances=variances)


def _residuals_to_list(residuals: Residuals) -> list[float]:
    return [residuals.n, residuals.total, residuals.variance]


def _step_from_list(values: Any) -> Step:
    index, windows, n, mean, row_variance, map_variance, *rest = values
    n_audited, audited, of_audited, n_labelled, labelled, of_labelled = rest
    return Step(
        index=int(index),
        windows=float(windows),
        expected=Expectation(
            n=int(n), mean=mean, row_variance=row_variance, map_variance=map_variance
        ),
        audited=Residuals(n=int(n_audited), total=audited, variance=of_audited),
        labelled=Residuals(n=int(n_labelled), total=labelled, variance=of_labelled),
    )


def _bad(why: str) -> BadFusion:
    return BadFusion(
        f"The stored state of the estimate cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or start it anew.",
    )
