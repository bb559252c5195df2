"""Who gets which version: splits, sticky by key.

A split is the whole truth about the traffic of an endpoint at one revision. Picking is a pure
function of the split and a key, so any worker gives the same answer for the same user.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.kernel.errors import Invalid
from seatrial.release.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Traffic shares of the versions of an endpoint.

    Args:
        stable: the version that gets what nobody else gets; None before the first promotion.
        canary: the version on trial, or None.
        canary_share: share of keys the canary answers, in [0, 1]; 0 without a canary.
        shadow: a version that gets a copy of requests and whose answers are dropped, or None.
        shadow_share: share of keys copied to the shadow, in [0, 1].
        salt: changes which keys are in the canary's share; fixed for the life of a rollout so
            that raising the share moves nobody back to stable.
        trials: experiments; a key that is in one of them meets the version of its arm. No key is
            in two, and there is no canary meanwhile.
    """

    stable: int | None = None
    canary: int | None = None
    canary_share: float = 0.0
    shadow: int | None = None
    shadow_share: float = 0.0
    salt: str = ""
    trials: tuple[Trial, ...] = ()

    def __post_init__(self) -> None:
        for name, share, version in (
            ("canary_share", self.canary_share, self.canary),
            ("shadow_share", self.shadow_share, self.shadow),
        ):
            if not 0.0 <= share <= 1.0:
                raise Invalid(
                    f"{name} is {share!r}, outside [0, 1].",
                    remedy="Give a share between 0 and 1, such as 0.05.",
                    field=name,
                )
            if share > 0 and version is None:
                raise Invalid(
                    f"{name} is {share!r} but no version takes it.",
                    remedy="Name a version, or set the share to 0.",
                    field=name,
                )

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that must be loaded for this split, ascending."""
        named = {self.stable, self.canary, self.shadow} - {None}
        named |= {arm.version for trial in self.trials for arm in trial.arms}
        return tuple(sorted(v for v in named if v is not None))

    def pick(self, position: float) -> int | None:
        """The version that answers a key at ``position`` in [0, 1); None when nothing is live."""
        if position < self.canary_share:
            return self.canary
        return self.stable

    def copies(self, position: float) -> int | None:
        """The shadow that gets a copy for a key at ``position``, or None."""
        return self.shadow if position < self.shadow_share else None
