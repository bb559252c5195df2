"""What a fitted scikit-learn model shows of its inputs.

The steps of a model are walked with one slot per input column. A step that keeps columns apart
(scalers, imputers) hands the slots on; a step that mixes them ends the walk. Each step says whether
a missing value passes, is absorbed or is refused; where branches meet, the strictest wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np

from seatrial.adapters.native import trees
from seatrial.packaging.model_facts import InputFact, Kind

_MAX_EDGES: Final = 64

# Functions of a FunctionTransformer, and the least value each makes sense of.
_LOWEST: Final = {"log": 1e-6, "log2": 1e-6, "log10": 1e-6, "log1p": 0.0, "sqrt": 0.0}


class Missing(IntEnum):
    """What has become of a missing value so far; the greater, the stricter."""

    ABSORBED = 0
    PASSES = 1
    REFUSED = 2


@dataclass(slots=True)
class Column:
    """What is known of one input of the whole model; filled in by the walk."""

    name: str
    kind: Kind = Kind.UNKNOWN
    missing: Missing = Missing.ABSORBED
    used: bool = False
    categories: tuple[str | int | float | bool, ...] | None = None
    closed: bool = False
    low: float | None = None
    center: float | None = None
    spread: float | None = None
    edges: set[float] = field(default_factory=set)

    def fact(self) -> InputFact:
        """The column as a fact."""
        edges = sorted(e for e in self.edges if math.isfinite(e))
        stride = max(1, len(edges) // _MAX_EDGES)
        return InputFact(
            name=self.name,
            kind=self.kind,
            nullable=self.missing is Missing.ABSORBED,
            categories=self.categories,
            closed=self.closed,
            low=self.low,
            center=self.center,
            spread=self.spread,
            edges=tuple(edges[::stride]),
        )


@dataclass(slots=True)
class Slot:
    """One column on its way through the steps: value = (input - center) / spread, if ``linear``."""

    column: Column
    missing: Missing = Missing.PASSES
    center: float = 0.0
    spread: float = 1.0
    linear: bool = True

    def branch(self) -> Slot:
        """The same column, entering one of several parallel steps."""
        return Slot(self.column, self.missing, self.center, self.spread, self.linear)

    def refuse_or_keep(self, *, allows: bool) -> None:
        """A step that hands missing values on, or refuses them."""
        if self.missing is Missing.PASSES and not allows:
            self.missing = Missing.REFUSED

    def absorb(self, *, allows: bool) -> None:
        """A step after which nothing is missing, unless it refuses missing values."""
        if self.missing is Missing.PASSES:
            self.missing = Missing.ABSORBED if allows else Missing.REFUSED

    def settle(self) -> None:
        """The end of a branch."""
        self.column.missing = max(self.column.missing, self.missing)

    def is_number(self) -> None:
        """A step that computes with the values."""
        self.column.used = True
        if self.column.kind is Kind.UNKNOWN:
            self.column.kind = Kind.NUMBER


def inputs_of(model: Any, names: Sequence[str]) -> tuple[InputFact, ...]:
    """What ``model`` shows of its inputs ``names``; those no step reads are left out."""
    columns = [Column(name) for name in names]
    for slot in _walk(model, [Slot(c) for c in columns]):
        slot.settle()
    used = [c for c in columns if c.used] or columns
    return tuple(c.fact() for c in used)


def _walk(step: Any, slots: list[Slot]) -> list[Slot]:
    """Send ``slots`` through ``step``; the slots that come out with their columns still apart."""
    if step is None or isinstance(step, str):
        return slots if step != "drop" else []
    for match, visit in _VISITS:
        if match(step):
            return visit(step, slots)
    return _mix(step, slots)


def _end(slots: Iterable[Slot]) -> list[Slot]:
    for slot in slots:
        slot.settle()
    return []


def _pipeline(step: Any, slots: list[Slot]) -> list[Slot]:
    for _, inner in step.steps:
        slots = _walk(inner, slots)
    return slots


def _column_transformer(step: Any, slots: list[Slot]) -> list[Slot]:
    by_name = {slot.column.name: slot for slot in slots}
    out: list[Slot] = []
    for _, inner, wanted in step.transformers_:
        chosen = _chosen(wanted, slots, by_name)
        text = isinstance(wanted, str) and _is_text(inner)
        for slot in chosen:
            slot.column.used |= not (isinstance(inner, str) and inner == "drop")
            slot.column.kind = Kind.STRING if text else slot.column.kind
        out += _walk(inner, [slot.branch() for slot in chosen])
    return _apart(out)


def _apart(slots: list[Slot]) -> list[Slot]:
    """Slots whose place among the columns is no longer known."""
    for slot in slots:
        slot.linear = False
    return slots


def _chosen(wanted: Any, slots: list[Slot], by_name: dict[str, Slot]) -> list[Slot]:
    if isinstance(wanted, str):
        return [by_name[wanted]] if wanted in by_name else []
    if isinstance(wanted, slice):
        if isinstance(wanted.start, str) or isinstance(wanted.stop, str):
            names = list(by_name)
            first = names.index(wanted.start) if wanted.start else 0
            last = names.index(wanted.stop) + 1 if wanted.stop else len(names)
            return slots[first:last]
        return slots[wanted]
    items = np.atleast_1d(np.asarray(wanted, dtype=object))
    if items.size and all(isinstance(i, bool | np.bool_) for i in items):
        return [slot for slot, keep in zip(slots, items, strict=True) if keep]
    return [by_name[i] if isinstance(i, str) else slots[int(i)] for i in items]


def _union(step: Any, slots: list[Slot]) -> list[Slot]:
    out: list[Slot] = []
    for _, inner in step.transformer_list:
        out += _walk(inner, [slot.branch() for slot in slots])
    return _apart(out)


def _imputer(step: Any, slots: list[Slot]) -> list[Slot]:
    statistics = getattr(step, "statistics_", None)
    for at, slot in enumerate(slots):
        slot.column.used = True
        slot.absorb(allows=True)
        if statistics is None or getattr(step, "strategy", "mean") in ("mean", "median"):
            slot.is_number()
        if statistics is not None and at < len(statistics) and slot.linear:
            _note_center(slot, statistics[at], None)
    return slots


def _note_center(slot: Slot, center: Any, spread: Any) -> None:
    column = slot.column
    if not isinstance(center, float | int | np.number) or not math.isfinite(float(center)):
        return
    column.center = float(center) * slot.spread + slot.center
    if spread is not None and math.isfinite(float(spread)) and float(spread) > 0:
        column.spread = float(spread) * slot.spread


def _scaler(step: Any, slots: list[Slot]) -> list[Slot]:
    """Scalers of scikit-learn that shift and stretch each column by itself."""
    centers, spreads = _center_and_spread(step, len(slots))
    for slot, center, spread in zip(slots, centers, spreads, strict=True):
        slot.is_number()
        slot.refuse_or_keep(allows=allows_missing(step))
        _note_center(slot, center, spread)
        slot.center += center * slot.spread
        slot.spread *= spread
    return slots


def _center_and_spread(step: Any, n: int) -> tuple[list[float], list[float]]:
    if hasattr(step, "data_range_"):  # MinMaxScaler: x * scale_ + min_
        spreads = [1.0 / float(s) if s else 1.0 for s in step.scale_]
        return [-float(m) * s for m, s in zip(step.min_, spreads, strict=True)], spreads
    center = getattr(step, "mean_", None)
    center = getattr(step, "center_", None) if center is None else center
    scale = getattr(step, "scale_", None)
    return (
        [0.0] * n if center is None else [float(c) for c in center],
        [1.0] * n if scale is None else [float(s) for s in scale],
    )


def _encoder(step: Any, slots: list[Slot]) -> list[Slot]:
    refuses = getattr(step, "handle_unknown", "ignore") == "error"
    target = hasattr(step, "encodings_")
    for slot, known in zip(slots, step.categories_, strict=True):
        values = known.tolist()
        present = tuple(v for v in values if not _is_missing(v))
        column = slot.column
        column.used = True
        column.categories = present
        column.closed |= refuses and not target
        column.kind = _kind_of(present)
        slot.absorb(allows=len(present) < len(values) or target or not refuses)
    return _end(slots)


def _kind_of(values: tuple[object, ...]) -> Kind:
    if values and all(isinstance(v, bool) for v in values):
        return Kind.BOOLEAN
    return Kind.STRING if any(isinstance(v, str) for v in values) else Kind.NUMBER


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _function(step: Any, slots: list[Slot]) -> list[Slot]:
    name = getattr(step.func, "__name__", "")
    for slot in slots:
        slot.column.used = True
        if slot.linear and name in _LOWEST and slot.center == 0.0:
            slot.column.low = max(slot.column.low or 0.0, _LOWEST[name])
        if isinstance(step.func, np.ufunc):
            slot.is_number()
        slot.refuse_or_keep(allows=not step.validate or allows_missing(step))
        slot.linear = slot.linear and step.func is None
    return slots


def _texts(step: Any, slots: list[Slot]) -> list[Slot]:
    del step
    for slot in slots:
        slot.column.kind, slot.column.used = Kind.STRING, True
        slot.absorb(allows=False)
    return _end(slots)


def _inner_model(step: Any) -> Any:
    for name in ("best_estimator_", "regressor_", "estimator_"):
        inner = getattr(step, name, None)
        if inner is not None and not hasattr(step, "estimators_"):  # there it is the template
            return inner
    calibrated = getattr(step, "calibrated_classifiers_", None)
    if calibrated:
        return calibrated[0].estimator
    return getattr(step, "estimator", None) if type(step).__name__ == "FrozenEstimator" else None


def _wrapped(step: Any, slots: list[Slot]) -> list[Slot]:
    return _walk(_inner_model(step), slots)


def _members(step: Any, slots: list[Slot]) -> list[Slot]:
    """Voting and stacking: each member gets the inputs themselves."""
    for inner in step.estimators_:
        _end(_walk(inner, [slot.branch() for slot in slots]))
    return []


def _mix(step: Any, slots: list[Slot]) -> list[Slot]:
    """A step that mixes the columns: a predictor, a projection, a selection."""
    edges = trees.edges_of(step) if all(slot.linear for slot in slots) else {}
    centers = getattr(step, "theta_", None)
    for at, slot in enumerate(slots):
        slot.is_number()
        slot.absorb(allows=allows_missing(step))
        for edge in edges.get(at, ()):
            slot.column.edges.add(edge * slot.spread + slot.center)
        if centers is not None and slot.linear and slot.column.center is None:
            spread = float(np.sqrt(np.asarray(step.var_)[:, at].mean()))
            _note_center(slot, float(np.asarray(centers)[:, at].mean()), spread)
    return _end(slots)


def allows_missing(step: Any) -> bool:
    """Whether a scikit-learn estimator says that it takes NaN."""
    from sklearn.utils import get_tags

    try:
        return bool(get_tags(step).input_tags.allow_nan)
    except (AttributeError, TypeError):
        return False


def _is_text(step: Any) -> bool:
    last = step.steps[0][1] if hasattr(step, "steps") else step
    return type(last).__name__ in ("TfidfVectorizer", "CountVectorizer", "HashingVectorizer")


def reads_text(model: Any) -> bool:
    """Whether the model's rows are single strings."""
    inner = _inner_model(model)
    return reads_text(inner) if inner is not None else _is_text(model)


def _named(*names: str) -> Any:
    return lambda step: type(step).__name__ in names


_VISITS: Final = (
    (lambda step: hasattr(step, "steps"), _pipeline),
    (lambda step: hasattr(step, "transformers_"), _column_transformer),
    (lambda step: hasattr(step, "transformer_list"), _union),
    (lambda step: type(step).__name__.endswith("Imputer"), _imputer),
    (_named("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"), _scaler),
    (lambda step: hasattr(step, "categories_"), _encoder),
    (_named("FunctionTransformer"), _function),
    (_is_text, _texts),
    (
        _named("VotingClassifier", "VotingRegressor", "StackingClassifier", "StackingRegressor"),
        _members,
    ),
    (lambda step: _inner_model(step) is not None, _wrapped),
)
