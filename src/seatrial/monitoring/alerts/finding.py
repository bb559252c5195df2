"""A finding: what one look at one thing says, good or bad, with all a person needs to act.

Monitors make findings, one per thing they watch and look; `alerts/alert.py` turns their
sequence into alerts. A finding may hold whatever users call their columns, so texts are made
storable and bounded here, once.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from seatrial.kernel.errors import Invalid

MAX_TEXT = 500
"""Characters of a sentence; what is longer is cut."""

MAX_NAMED = 10
"""Features, segments or steps named in one finding; the first are kept."""

_MAX_LABEL = 200
_MAX_DEPTH = 4
_MAX_EVIDENCE = 50
_MAX_EVIDENCE_BYTES = 16_384


class Level(StrEnum):
    """How bad it is. UNKNOWN is no data: it neither starts nor ends anything."""

    CLEAR = "clear"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def trouble(self) -> bool:
        """Whether it is a severity an alert can have."""
        return self in (Level.WARNING, Level.CRITICAL)

    @property
    def rank(self) -> int:
        """Grows with severity; 0 for CLEAR and UNKNOWN."""
        return {Level.WARNING: 1, Level.CRITICAL: 2}.get(self, 0)


class Kind(StrEnum):
    """What is watched. Other kinds may be used; these have words of their own in messages."""

    LATENCY = "latency"
    ERRORS = "errors"
    THROUGHPUT = "throughput"
    SATURATION = "saturation"
    DATA_QUALITY = "data_quality"
    INPUT_DRIFT = "input_drift"
    PREDICTION_DRIFT = "prediction_drift"
    ESTIMATED_PERFORMANCE = "estimated_performance"
    PERFORMANCE = "performance"
    SEGMENT_DRIFT = "segment_drift"
    SEGMENT_ESTIMATED_PERFORMANCE = "segment_estimated_performance"
    SEGMENT_PERFORMANCE = "segment_performance"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence in the languages of the house.

    Args:
        en: English.
        zh: Chinese; empty to use the English.
    """

    en: str = ""
    zh: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "en", storable(self.en, MAX_TEXT))
        object.__setattr__(self, "zh", storable(self.zh, MAX_TEXT))

    def __bool__(self) -> bool:
        return bool(self.en)

    def text(self, language: str) -> str:
        """The sentence in ``en`` or ``zh``."""
        return self.zh if language == "zh" and self.zh else self.en

    def as_record(self) -> dict[str, str]:
        """JSON-able."""
        return {"en": self.en, "zh": self.zh}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What an alert is about. Equal labels are the same trouble.

    Args:
        endpoint: its name.
        kind: what is watched, such as a `Kind`.
        version: of the model, or None for the endpoint as a whole.
        feature: the column, or None.
        segment: such as ``country=DE``, or None.

    ``key`` is short, stable and the same in every process: 16 hex digits.
    """

    endpoint: str
    kind: str
    version: int | None = None
    feature: str | None = None
    segment: str | None = None
    key: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("endpoint", "kind", "feature", "segment"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, storable(str(value), _MAX_LABEL))
        if not self.endpoint or not self.kind:
            raise Invalid(
                f"A finding has the endpoint {self.endpoint!r} and the kind {self.kind!r}.",
                remedy="Name both.",
                field="labels",
            )
        text = json.dumps(self.as_dict(), sort_keys=True, ensure_ascii=True)
        object.__setattr__(self, "key", hashlib.sha256(text.encode()).hexdigest()[:16])

    def as_dict(self) -> dict[str, Any]:
        """The labels that are set."""
        named = {
            "endpoint": self.endpoint,
            "kind": self.kind,
            "version": self.version,
            "feature": self.feature,
            "segment": self.segment,
        }
        return {name: value for name, value in named.items() if value is not None}

    def covers(self, other: Labels) -> bool:
        """Whether ``other`` is the same thing or a part of it: every label set here equals its."""
        theirs = other.as_dict()
        return all(theirs.get(name) == value for name, value in self.as_dict().items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look found.

    Args:
        labels: what was looked at.
        level: how bad it is.
        what: what moved, with figures: "PSI of income is 0.31 against the reference".
        sure: how sure that is: "false alarm in 1 of 10,000 windows".
        since: begin of the window that shows it first, aware UTC; None when not known.
        features: the columns concerned, worst first.
        segments: the parts of the traffic concerned, worst first.
        steps: what to do next, in order; empty to use those of the kind.
        evidence: figures for machines and pages, a mapping; what JSON does not have is replaced:
            NaN and infinities by null, numpy's numbers by Python's, others by their text. More
            than 16 KiB of it is left out.
    Raises: Invalid: a time without a zone.
    """

    labels: Labels
    level: Level
    what: Phrase = field(default_factory=Phrase)
    sure: Phrase = field(default_factory=Phrase)
    since: datetime | None = None
    features: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    steps: tuple[Phrase, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.since is not None:
            check_zone(self.since, f"The finding about {self.labels.endpoint}")
        for name in ("features", "segments"):
            named = tuple(storable(str(one), _MAX_LABEL) for one in getattr(self, name)[:MAX_NAMED])
            object.__setattr__(self, name, named)
        object.__setattr__(self, "steps", tuple(self.steps)[:MAX_NAMED])
        evidence = _figures(self.evidence, _MAX_DEPTH)
        n_bytes = len(json.dumps(evidence).encode())
        if n_bytes > _MAX_EVIDENCE_BYTES:
            evidence = {"left_out_bytes": n_bytes}
        object.__setattr__(self, "evidence", evidence)

    def content(self) -> dict[str, object]:
        """All but labels and level as a JSON-able record."""
        return {
            "what": self.what.as_record(),
            "sure": self.sure.as_record(),
            "since": self.since.isoformat() if self.since else None,
            "features": list(self.features),
            "segments": list(self.segments),
            "steps": [step.as_record() for step in self.steps],
            "evidence": dict(self.evidence),
        }


def finding_from(labels: Labels, level: Level, content: Mapping[str, Any]) -> Finding:
    """The finding that `Finding.content` wrote."""
    since = content["since"]
    return Finding(
        labels=labels,
        level=level,
        what=Phrase(**content["what"]),
        sure=Phrase(**content["sure"]),
        since=datetime.fromisoformat(since) if since else None,
        features=tuple(content["features"]),
        segments=tuple(content["segments"]),
        steps=tuple(Phrase(**step) for step in content["steps"]),
        evidence=content["evidence"],
    )


def storable(text: str, limit: int) -> str:
    """A text the store takes and a message can show, of at most ``limit`` characters.

    Control characters become spaces and half surrogate pairs question marks. A text that is cut
    ends in a digest of the whole, so that two long names stay two.
    """
    if text.isprintable() and len(text) <= limit:
        return text
    whole = text.encode("utf-8", "replace").decode("utf-8")
    shown = "".join(c if c.isprintable() else " " for c in whole)
    if len(shown) <= limit:
        return shown
    return f"{shown[: limit - 10]}…{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _figures(value: Any, depth: int) -> Any:
    """``value`` as the store takes it, at most `_MAX_EVIDENCE` entries of each mapping or list."""
    if isinstance(value, Mapping) and depth:
        few = list(value.items())[:_MAX_EVIDENCE]
        return {storable(str(k), _MAX_LABEL): _figures(v, depth - 1) for k, v in few}
    if isinstance(value, list | tuple) and depth:
        return [_figures(v, depth - 1) for v in value[:_MAX_EVIDENCE]]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral) and int(value).bit_length() < 64:
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return storable(str(value), MAX_TEXT)


def check_zone(at: datetime, what: str) -> None:
    """Refuse a time without a zone.   Raises: Invalid."""
    if at.tzinfo is None:
        raise Invalid(
            f"{what} has the time {at}, without a zone.",
            remedy="Give an aware time, such as datetime.now(UTC).",
            field="at",
        )
