"""Whether the estimate of performance from scores alone may be believed, as labels say of it."""

from __future__ import annotations

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.state import PerformanceState
from seatrial.monitoring.performance.verdict import PerformanceRules, Trust, TrustEvidence


def trust_in_scores(
    state: PerformanceState, reference: PerformanceReference, rules: PerformanceRules
) -> TrustEvidence:
    """Whether the estimate from scores alone may be believed: what the newest labels say of it.

    Once they contradicted it, it is not believed again for lack of proof, but when they make it
    likelier than not that it is right. In between a lucky window would restore it.
    """
    place = state.fusion.checked
    if place is None:
        return TrustEvidence(
            trust=Trust.UNVERIFIED,
            bias=None,
            interval=None,
            chance=None,
            windows_ago=None,
            reason="no label has come that could confirm it",
        )
    belief = state.fusion.beliefs[place]
    ago = (state.fusion.steps[-1].index - state.fusion.steps[place].index) / state.steps_per_window
    tolerance = rules.warning_drop * reference.scale
    chance = max(belief.chance_below(-tolerance), 1 - belief.chance_below(tolerance))
    if ago > rules.verified_windows:
        trust, reason = Trust.UNVERIFIED, f"the newest labels are {ago:.0f} windows old"
    elif chance > rules.contradicted_chance:
        trust = Trust.CONTRADICTED
        reason = (
            f"labels show it to be wrong by {belief.mean:+.3g} ({100 * chance:.0f} % sure that by "
            f"over {tolerance:.3g})"
        )
    elif _still_contradicted(state, tolerance, rules):
        trust = Trust.CONTRADICTED
        reason = (
            f"labels showed it to be wrong, and it is not yet likely to be right again: wrong by "
            f"{belief.mean:+.3g} now ({100 * chance:.0f} % sure that by over {tolerance:.3g})"
        )
    else:
        trust, reason = Trust.CONFIRMED, f"labels show it to be wrong by {belief.mean:+.3g} only"
    return TrustEvidence(
        trust=trust,
        bias=belief.mean,
        interval=belief.interval(share=rules.interval_share),
        chance=chance,
        windows_ago=ago,
        reason=reason,
    )


def _still_contradicted(state: PerformanceState, tolerance: float, rules: PerformanceRules) -> bool:
    """Whether labels last contradicted the scores, of the times when they said either way."""
    known = zip(reversed(state.fusion.steps), reversed(state.fusion.beliefs), strict=True)
    for belief in (belief for step, belief in known if step.reading.n):
        below, above = belief.chance_below(-tolerance), 1 - belief.chance_below(tolerance)
        if max(below, above) > rules.contradicted_chance:
            return True
        if below + above < 0.5:
            return False
    return False
