"""The rows of a log in the names of a profile: what the model saw, and what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.served import LABEL
from seatrial.monitoring.rows.table import Column, Table
from seatrial.monitoring.summaries.profile import Embedding, Numeric, Profile, Text

_OUTPUTS = "outputs."
_BOOLEANS = frozenset({"False", "True"})


def features_of(table: Table, columns: Columns, *, segments: Sequence[str] = ()) -> Table:
    """What the model saw, and the columns that rows are split by."""
    wanted = dict.fromkeys((*columns.features_of(table), *segments))
    kept = {name: table.columns[name] for name in wanted if name in table.columns}
    return Table(columns=kept, n=table.n, at=table.at)


def answers_of(table: Table, columns: Columns, profile: Profile | None = None) -> Table | None:
    """What the model answered; None where no column says.

    Args:
        columns: the roles of the table's columns.
        profile: of the reference, whose names are used; None for those of the table.
    """
    known = profile.predictions if profile is not None else None
    found: dict[str, Column] = {}
    if columns.prediction is not None and columns.prediction in table.columns:
        found[_answer(columns.prediction, known)] = table.columns[columns.prediction]
    scores = {name: table.columns[name] for name in columns.scores if name in table.columns}
    found |= _scores(scores, known)
    return Table(columns=found, n=table.n, at=table.at) if found else None


def kinds_of(profile: Profile, names: Sequence[str]) -> dict[str, Kind]:
    """How to read the columns ``names`` so that they come as the profile knows them.

    Booleans are left to their type, which gives the names that the profile has.
    """
    kinds: dict[str, Kind] = {}
    for name, column in {**profile.predictions, **profile.features}.items():
        if name not in names:
            continue
        if isinstance(column, Numeric):
            kinds[name] = "number"
        elif isinstance(column, Embedding):
            kinds[name] = "embedding"
        elif isinstance(column, Text) or not _BOOLEANS.issuperset(column.counts):
            kinds[name] = "name"
    return kinds


def _answer(name: str, known: Mapping[str, object] | None) -> str:
    if known is None or name in known:
        return name
    own = name.removeprefix(_OUTPUTS)
    if own in known:
        return own
    return LABEL if LABEL in known else name


def _scores(scores: Mapping[str, Column], known: Mapping[str, object] | None) -> dict[str, Column]:
    """Scores by the profile's name of each class, where their number is that of the classes."""
    if known is None or all(name in known for name in scores):
        return dict(scores)
    classes = [name for name in known if "." in name]
    single = next(iter(scores.values())) if len(scores) == 1 else None
    if isinstance(single, np.ndarray) and single.ndim == 2:
        own = next(iter(scores)).removeprefix(_OUTPUTS)
        mine = [name for name in classes if name.startswith(f"{own}.")] or classes
        if single.shape[1] == len(mine):
            return {name: single[:, k] for k, name in enumerate(mine)}
    if len(scores) == len(classes):
        return dict(zip(classes, scores.values(), strict=True))
    return {name.removeprefix(_OUTPUTS): column for name, column in scores.items()}
