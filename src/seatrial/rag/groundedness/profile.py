"""A profile: how signals weigh for one kind of text, and what that was learnt from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from seatrial.kernel.errors import Invalid, NotFound


class Signal(NamedTuple):
    """A measurement as evidence.

    Args:
        sign: +1 where more of it can only speak for support, -1 where against it.
        prior, deviation: of its weight, before any data. Contradictions are rare in every set of
            labels, so what they weigh is stated and not left to chance.
    """

    sign: int
    prior: float
    deviation: float
    scale: float


SIGNALS: Mapping[str, Signal] = {
    "cover": Signal(1, 0.0, 0.7, 0.2),
    "window": Signal(1, 0.0, 0.7, 0.2),
    "missing": Signal(-1, 0.0, 0.7, 0.9),
    "phrases": Signal(1, 0.0, 0.7, 0.25),
    "names": Signal(1, 0.0, 0.7, 0.25),
    "names_missing": Signal(-1, 0.0, 0.7, 0.6),
    "numbers_missing": Signal(-1, -4.0, 0.5, 1.0),
    "own_voice": Signal(-1, 0.0, 0.7, 0.4),
    "contradicted": Signal(-1, -4.0, 0.5, 1.0),
    "denied": Signal(-1, -3.0, 0.5, 1.0),
}


VETOES = ("numbers_missing", "names_missing", "contradicted", "denied")
"""Signals that rule support out: with one of them the score stays under the threshold."""


class ProfileUnknown(NotFound):
    """There is no such profile of groundedness."""

    code = "rag.profile_unknown"


class ProfileInvalid(Invalid):
    """A stored profile cannot be read."""

    code = "rag.profile_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How well a profile did on rows that it had not seen: cross-validated on its own data.

    Args: each an estimate with the bounds of its 95 % interval, in [0, 1].
    """

    auc: tuple[float, float, float]
    balanced_accuracy: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Weights of signals, and where support begins.

    Args:
        name: how it is chosen.
        fitted_on: the texts it was learnt from, in words.
        n: rows, and `share_supported` of them in [0, 1].
        weights: by signal; signals without one count nothing.
        threshold: the score in [0, 1] from which a sentence counts as supported.
        entailment: weight of an entailment model's log odds, >= 0; None where none was there to
            learn from: then the model's odds count twice the signals'.
        figures: None where they were never measured.
    """

    name: str
    fitted_on: str
    n: int
    share_supported: float
    weights: Mapping[str, float]
    intercept: float
    threshold: float
    entailment: float | None = None
    figures: Figures | None = None
    warning: str | None = None

    def score(self, values: Mapping[str, float], entailed: float | None = None) -> float:
        """The probability in [0, 1] of support.

        Args: entailed: what an entailment model says, in [0, 1].
        """
        z = self.intercept + sum(w * values.get(name, 0.0) for name, w in self.weights.items())
        if entailed is not None:
            odds = log_odds(entailed)
            z = (z + 2 * odds) / 3 if self.entailment is None else z + self.entailment * odds
        score = 0.5 * (1 + math.tanh(0.5 * z))
        return score * self.threshold if any(values.get(name) for name in VETOES) else score

    def as_dict(self) -> dict[str, object]:
        """As JSON; `profile_of` reads it."""
        return {
            "name": self.name,
            "fitted_on": self.fitted_on,
            "n": self.n,
            "share_supported": self.share_supported,
            "weights": dict(self.weights),
            "intercept": self.intercept,
            "threshold": self.threshold,
            "entailment": self.entailment,
            "figures": None
            if self.figures is None
            else {
                "auc": list(self.figures.auc),
                "balanced_accuracy": list(self.figures.balanced_accuracy),
            },
            "warning": self.warning,
        }


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), of a probability kept off 0 and 1."""
    p = min(max(probability, 0.005), 0.995)
    return math.log(p / (1 - p))


@cache
def _shipped() -> Mapping[str, Profile]:
    written = json.loads(files(__package__).joinpath("profiles.json").read_text("utf-8"))
    return {profile.name: profile for profile in map(profile_of, written)}


def profile(name: str = "general") -> Profile:
    """A profile of seatrial: ``answers``, ``web_claims`` or ``general``.

    Raises: ProfileUnknown.
    """
    shipped = _shipped()
    if name not in shipped:
        raise ProfileUnknown(
            f"There is no profile {name!r} of groundedness.",
            remedy=f"Choose one of {', '.join(sorted(shipped))}, or calibrate your own.",
            profile=name,
        )
    return shipped[name]


def profile_of(written: object) -> Profile:
    """Read a profile as `Profile.as_dict` wrote it.   Raises: ProfileInvalid."""
    try:
        return _read(written)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProfileInvalid(
            f"The profile of groundedness cannot be read: {error!r}.",
            remedy="Give it as Profile.as_dict wrote it, or calibrate it anew.",
        ) from error


def _read(written: object) -> Profile:
    if not isinstance(written, Mapping):
        raise TypeError(f"{type(written).__name__} is not an object")
    weights = {str(name): _finite(value) for name, value in written["weights"].items()}
    unknown = sorted(set(weights) - set(SIGNALS))
    if unknown:
        raise ValueError(f"there is no signal {unknown[0]!r}")
    figures = written.get("figures")
    entailment = written.get("entailment")
    threshold = _finite(written["threshold"])
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold {threshold} is not in [0, 1]")
    return Profile(
        name=str(written["name"]),
        fitted_on=str(written["fitted_on"]),
        n=int(written["n"]),
        share_supported=_finite(written["share_supported"]),
        weights=weights,
        intercept=_finite(written["intercept"]),
        threshold=threshold,
        entailment=None if entailment is None else _finite(entailment),
        figures=None
        if figures is None
        else Figures(
            auc=_bounds(figures["auc"]), balanced_accuracy=_bounds(figures["balanced_accuracy"])
        ),
        warning=None if written.get("warning") is None else str(written["warning"]),
    )


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _bounds(written: object) -> tuple[float, float, float]:
    if not isinstance(written, list | tuple) or len(written) != 3:
        raise ValueError(f"{written!r} is not an estimate with its two bounds")
    estimate, low, high = map(_finite, written)
    return estimate, low, high
