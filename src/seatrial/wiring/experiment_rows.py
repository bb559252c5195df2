"""Rows of units, in a file or a database, as an experiment counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.config import UnitColumnsConfig
from seatrial.experiments.design import Experiment
from seatrial.experiments.tally import DAY_S, BadUnits, Labelled, Tally, Units, tally
from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.source import Chunk, SourceProblem
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.watching.table_sources import open_source

_SHOWN = 5
"""Names that an error lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Units of some data.

    Args:
        tally: their sums.
        problems: met while they were read.
    """

    tally: Tally
    problems: tuple[SourceProblem, ...]


def variants_in(data: DataConfig, column: str, *, folder: Path) -> tuple[str, ...]:
    """The names in a column, in alphabetical order.   Raises: BadUnits; what sources raise."""
    names: set[str] = set()
    columns = Columns(features=(column,), kinds={column: "name"})
    for chunk in open_source(data, folder=folder, columns=columns).chunks():
        names.update(_used(_names(chunk, column)))
    return tuple(sorted(names))


def counted(
    experiment: Experiment,
    data: DataConfig,
    roles: UnitColumnsConfig,
    *,
    folder: Path,
    slice_s: int = DAY_S,
) -> Counted:
    """Count the units of some data: one row each.

    Where no column has their keys, memory is that of a chunk and the sums; else also of the keys.

    Args: where relative paths begin; length of a time slice.
    Raises: BadUnits, BadExperiment; what sources raise.
    """
    problems: list[SourceProblem] = []
    left_out = _crossed(data, roles, folder=folder)
    source = open_source(data, folder=folder, columns=_columns(experiment, roles))
    total: Tally | None = None
    for chunk in source.chunks():
        problems += chunk.problems
        units = _units(experiment, roles, chunk, left_out)
        part = tally(experiment, units, slice_s=slice_s)
        total = part if total is None else total + part
    assert total is not None  # a source has one chunk at least
    return Counted(tally=replace(total, n_crossed=len(left_out)), problems=tuple(problems))


def _crossed(data: DataConfig, roles: UnitColumnsConfig, *, folder: Path) -> frozenset[str]:
    """Keys of units that are there with two variants.

    A pass over the keys alone, so that what is left out is left out of every chunk.
    """
    if roles.unit is None:
        return frozenset()
    names = (roles.variant, roles.unit)
    only = Columns(features=names, kinds=dict.fromkeys(names, "name"))
    seen: dict[str, str] = {}
    crossed: set[str] = set()
    for chunk in open_source(data, folder=folder, columns=only).chunks():
        variant, key = (_names(chunk, name) for name in names)
        for code, place in zip(key.codes.tolist(), variant.codes.tolist(), strict=True):
            if code < 0 or place < 0:
                raise _incomplete(roles.unit if code < 0 else roles.variant)
            unit, name = key.values[code], variant.values[place]
            if unit not in seen:
                seen[unit] = name
            elif seen[unit] != name:
                crossed.add(unit)
            elif unit not in crossed:
                raise BadUnits(
                    f"The unit {unit!r} has two rows.",
                    remedy="Give one row for each unit, with all that came of it added up.",
                    column=roles.unit,
                )
    return frozenset(crossed)


def _columns(experiment: Experiment, roles: UnitColumnsConfig) -> Columns:
    numbers = [
        name
        for metric in experiment.metrics
        for name in (metric.name, metric.denominator, metric.covariate)
        if name is not None
    ]
    labels = [roles.variant, *roles.segments, *([] if roles.unit is None else [roles.unit])]
    kinds: dict[str, Kind] = dict.fromkeys(numbers, "number")
    kinds |= dict.fromkeys(labels, "name")
    return Columns(at=roles.time, features=tuple(dict.fromkeys((*numbers, *labels))), kinds=kinds)


def _units(
    experiment: Experiment, roles: UnitColumnsConfig, chunk: Chunk, left_out: frozenset[str]
) -> Units:
    variant = _names(chunk, roles.variant)
    places = _places(experiment, roles.variant, variant)
    rows: NDArray[np.intp] | slice = slice(None)
    if left_out and roles.unit is not None:
        key = _names(chunk, roles.unit)
        counts = np.array([value not in left_out for value in key.values])
        rows = np.flatnonzero(counts[key.codes])
    table = chunk.table
    columns = _columns(experiment, roles)
    return Units(
        variant=places[variant.codes][rows],
        values={
            name: _numbers(table.columns[name])[rows]
            for name in columns.features or ()
            if columns.kinds[name] == "number"
        },
        at=None if roles.time is None else _times(table)[rows],
        segments={
            name: Labelled(codes=labels.codes[rows], values=labels.values)
            for name in roles.segments
            for labels in (_names(chunk, name),)
        },
    )


def _places(experiment: Experiment, column: str, variant: Coded) -> NDArray[np.intp]:
    """The place of each value among the experiment's variants."""
    known = {one.name: place for place, one in enumerate(experiment.variants)}
    if (variant.codes < 0).any():
        raise _incomplete(column)
    odd = sorted(set(_used(variant)) - set(known))
    if odd:
        raise BadUnits(
            f"The column {column!r} holds {_listed(odd)}, no variant of {experiment.name!r}.",
            remedy=f"Name the variants as in the design ({_listed(list(known))}), or leave those "
            "rows out.",
            column=column,
        )
    return np.array([known.get(value, -1) for value in variant.values] or [-1], np.intp)


def _used(column: Coded) -> list[str]:
    """The values that some row has."""
    return [column.values[code] for code in np.unique(column.codes).tolist() if code >= 0]


def _names(chunk: Chunk, name: str) -> Coded:
    column = chunk.table.columns[name]
    assert isinstance(column, Coded)  # it was asked for as names
    return column


def _times(table: Table) -> NDArray[np.datetime64]:
    """Of a part of the data without rows, none."""
    return np.zeros(table.n, "datetime64[us]") if table.at is None else table.at


def _numbers(column: Column) -> NDArray[np.float64]:
    assert not isinstance(column, Coded)  # it was asked for as numbers
    return column.astype(np.float64)


def _incomplete(column: str) -> BadUnits:
    return BadUnits(
        f"Some rows have no {column!r}.",
        remedy="Give every row its variant and its key, or leave such rows out.",
        column=column,
    )


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
