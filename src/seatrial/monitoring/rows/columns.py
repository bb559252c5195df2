"""Which column of the data is what: time, identity, prediction, scores, label, features, segments.

Names are those of the flattened data: a field of a struct is ``inputs.age``. What is not said is
inferred from names that mean only one thing; a column with no other role is a feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    from seatrial.monitoring.rows.table import Table

Kind: TypeAlias = Literal["number", "name", "embedding"]
"""How to read a column: as numbers, as names (categories, texts, identifiers), or as vectors."""


class NoSuchColumn(Invalid):
    """A column that was named is not in the data; the facts hold it and the nearest one."""

    code = "monitoring.no_such_column"


class DuplicateColumn(Invalid):
    """Two columns of the data have one name, or one column was given two roles."""

    code = "monitoring.duplicate_column"


# Lower-case names that say one thing only. Left out are those a feature may bear: date, time,
# weight, score, y, id.
_AT: Final[tuple[str, ...]] = ("timestamp", "at", "predicted_at", "event_time", "event_timestamp")
_ID: Final[tuple[str, ...]] = ("prediction_id", "request_id", "inference_id")
_PREDICTION: Final[tuple[str, ...]] = (
    "prediction",
    "predicted",
    "y_pred",
    "predicted_label",
    "outputs.label",
)
_SCORES: Final[tuple[str, ...]] = (
    "probabilities",
    "probability",
    "y_score",
    "y_proba",
    "y_pred_proba",
)
_LABEL: Final[tuple[str, ...]] = ("label", "target", "y_true", "ground_truth", "actual")
_SINGLE: Final = {"at": _AT, "prediction": _PREDICTION, "label": _LABEL}
_SEVERAL: Final = {"id": _ID, "scores": _SCORES}

_LOG: Final = frozenset({"request_id", "at", "endpoint", "version", "revision", "outcome", "row"})
_LOG_FIELDS: Final = (*sorted(_LOG), "latency_s", "n_rows")
_INPUTS: Final = "inputs."
_OUTPUTS: Final = "outputs."


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The roles of columns, as asked for or, after `among`, as found.

    Args:
        at: when each row was predicted.
        id: one column, or several that only together name a prediction.
        prediction: the label or number that was predicted.
        scores: a column of vectors, or one column for each class.
        label: what came true.
        weight: how much a row counts, >= 0.
        segments: columns whose values are watched apart. They may be features too.
        features: None for every column without another role.
        ignored: columns to leave out.
        kinds: columns to read as numbers, names or vectors whatever their type, so that two sets
            of data are read alike.
        time_zone: IANA name of the zone of times that come without one.
        inferred: roles that were found by the name of the column.
    """

    at: str | None = None
    id: tuple[str, ...] = ()
    prediction: str | None = None
    scores: tuple[str, ...] = ()
    label: str | None = None
    weight: str | None = None
    segments: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    ignored: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    time_zone: str = "UTC"
    inferred: tuple[str, ...] = ()

    def among(self, names: Sequence[str]) -> Columns:
        """These roles with everything found that the data, columns ``names``, can give.

        Returns: ``features`` and ``read`` hold names of the data only.
        Raises: NoSuchColumn, DuplicateColumn.
        """
        check_distinct(names)
        self._check(names)
        found = self._log_roles(names) if names_of_log(names) else self._plain_roles(names)
        if found.features is not None:
            return found
        taken = found._taken()
        return replace(found, features=tuple(name for name in names if name not in taken))

    def where_there(self, names: Sequence[str]) -> tuple[Columns, tuple[str, ...]]:
        """These roles without the columns that the data, columns ``names``, do not have.

        For a later part of data whose first part had them. Returns: the roles; what is missing.
        """
        known = frozenset(names)
        asked = dict.fromkeys((*self.read, *self.ignored, *self.kinds))
        missing = tuple(name for name in asked if name not in known)
        if not missing:
            return self, ()

        def held(role: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in role if name in known)

        def one(role: str | None) -> str | None:
            return role if role in known else None

        kept = replace(
            self,
            at=one(self.at),
            id=self.id if known.issuperset(self.id) else (),
            prediction=one(self.prediction),
            scores=held(self.scores),
            label=one(self.label),
            weight=one(self.weight),
            segments=held(self.segments),
            features=None if self.features is None else held(self.features),
            ignored=held(self.ignored),
            kinds={name: kind for name, kind in self.kinds.items() if name in known},
        )
        return kept, missing

    @property
    def read(self) -> tuple[str, ...]:
        """Every column that has a role, once, features first; times among them."""
        roles = (*(self.features or ()), *self.segments, *self._single())
        return tuple(dict.fromkeys(roles))

    def kind_of(self, name: str) -> Kind | None:
        """How to read a column; None: by its type. Identifiers are names: they are exact so."""
        return self.kinds.get(name, "name" if name in self.id else None)

    def features_of(self, table: Table) -> tuple[str, ...]:
        """The features that some rows have, in the table's order."""
        if self.features is not None:
            wanted = frozenset(self.features)
            return tuple(name for name in table.columns if name in wanted)
        taken = self._taken()
        return tuple(name for name in table.columns if name not in taken)

    def _single(self) -> tuple[str, ...]:
        roles = (self.prediction, *self.scores, self.label, self.weight, *self.id, self.at)
        return tuple(role for role in roles if role is not None)

    def _taken(self) -> frozenset[str]:
        # Segments that were not asked for are fields of a log, not of what the model saw.
        fields = self.segments if "segments" in self.inferred else ()
        return frozenset((*self._single(), *self.ignored, *fields))

    def _check(self, names: Sequence[str]) -> None:
        known = frozenset(names)
        asked = (*self.read, *self.ignored, *self.kinds)
        for name in asked:
            if name not in known:
                raise no_such_column(name, names)
        single = self._single()
        twice = next((name for name in single if single.count(name) > 1), None)
        if twice is not None:
            raise DuplicateColumn(
                f"The column {twice!r} was given two roles.",
                remedy="Let each column be one of id, timestamp, prediction, score, label, weight.",
                column=twice,
            )

    def _plain_roles(self, names: Sequence[str]) -> Columns:
        asked = frozenset((*self.read, *self.ignored))
        lower = {name.lower(): name for name in reversed(names) if name not in asked}

        def first(candidates: Iterable[str]) -> str | None:
            return next((lower[c] for c in candidates if c in lower), None)

        found: dict[str, object] = {}
        for role, candidates in _SINGLE.items():
            if getattr(self, role) is None:
                found[role] = first(candidates)
        for role, candidates in _SEVERAL.items():
            if not getattr(self, role):
                one = first(candidates)
                found[role] = () if one is None else (one,)
        inferred = tuple(role for role, name in found.items() if name)
        return replace(self, **found, inferred=inferred)  # type: ignore[arg-type]

    def _log_roles(self, names: Sequence[str]) -> Columns:
        """The roles in a prediction log of seatrial; see `rename_log`."""
        outputs = [name for name in names if name.startswith(_OUTPUTS)]
        scores = [name for name in outputs if name.removeprefix(_OUTPUTS) in _SCORES]
        others = [name for name in outputs if name not in scores]
        fields = {name: f"log.{name}" if f"log.{name}" in names else name for name in _LOG_FIELDS}
        found = {
            "at": self.at or fields["at"],
            "id": self.id or (fields["request_id"], fields["row"]),
            "prediction": self.prediction or next(iter(others), None),
            "scores": self.scores or tuple(scores),
            "segments": self.segments or (fields["version"],),
        }
        inferred = tuple(role for role, name in found.items() if name and not getattr(self, role))
        ignored = (*self.ignored, *fields.values(), *outputs)
        asked = frozenset(self.read)
        return replace(
            self,
            **found,  # type: ignore[arg-type]
            ignored=tuple(name for name in dict.fromkeys(ignored) if name not in asked),
            inferred=inferred,
        )


def names_of_log(names: Sequence[str]) -> bool:
    """Whether these are the flattened or renamed columns of a prediction log of seatrial."""
    known = frozenset(name.removeprefix("log.") for name in names)
    return known >= _LOG


def rename_log(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a prediction log's columns as the watch knows them.

    A feature bears its own name, as in the data the model was made from: ``inputs.age`` is
    ``age``. A field of the log that has the name of a feature becomes ``log.version``.
    """
    features = {name.removeprefix(_INPUTS) for name in names if name.startswith(_INPUTS)}
    return tuple(
        name.removeprefix(_INPUTS)
        if name.startswith(_INPUTS)
        else f"log.{name}"
        if name in features
        else name
        for name in names
    )


def check_distinct(names: Sequence[str]) -> None:
    """Raises: DuplicateColumn, when a name is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateColumn(
                f"The data have the column {name!r} twice.",
                remedy="Rename one of the two.",
                column=name,
            )
        seen.add(name)


def no_such_column(name: str, names: Sequence[str]) -> NoSuchColumn:
    """The error for a column that is not among ``names``."""
    nearest = get_close_matches(name, names, n=1)
    if not nearest:
        nearest = [known for known in names if known.lower() == name.lower()][:1]
    shown = ", ".join(repr(known) for known in names[:12]) or "none"
    return NoSuchColumn(
        f"The data have no column {name!r}.",
        remedy=f"Did you mean {nearest[0]!r}?"
        if nearest
        else f"Name one of its columns: {shown}{', ...' if len(names) > 12 else ''}.",
        column=name,
        nearest=nearest[0] if nearest else None,
    )
