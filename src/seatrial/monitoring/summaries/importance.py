"""How much each feature matters to a model, and how that is known.

A bundle's model was asked itself when it was packaged. Where only rows and the answers to them are
at hand, an additive model of the answers stands in for it (`stats/additive.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import NoSuchColumn
from seatrial.monitoring.rows.table import Coded, Column, Table, column_of
from seatrial.stats.additive import additive

N_ROWS = 4_000
"""Rows that are looked at, drawn from all."""

LEAST_ROWS = 200
LEAST_EXPLAINED = 0.1
"""Share of the answers' variance: what explains less stands in for no model."""

_MOST_GROUPS, _LEAST_GROUPS = 16, 3
_ROWS_A_GROUP = 10
_MOST_CLASSES = 20
_DIGITS = 4


class Origin(StrEnum):
    """How importances are known."""

    MODEL = "model"
    ANSWERS = "answers"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much each feature matters.

    Args:
        by_feature: >= 0, 1 on average over those estimated; a feature that is not here counts 1.
        origin: of all but those that were given.
        explained: by an additive model, the share of the answers' variance; None otherwise.
        why: they are not known, in a few words; empty where they are.
        given: features whose importance a person has set.
    """

    by_feature: Mapping[str, float] = field(default_factory=dict)
    origin: Origin = Origin.UNKNOWN
    explained: float | None = None
    why: str = ""
    given: tuple[str, ...] = ()

    def with_given(self, given: Mapping[str, float], features: Mapping[str, object]) -> Importance:
        """The same with those that a person has set.

        Args: features: all that are watched, by name.
        Raises: NoSuchColumn.
        """
        for name in given:
            if name not in features:
                raise NoSuchColumn(
                    f"importance names {name!r}, which is no feature of the reference.",
                    remedy=f"Name some of: {', '.join(list(features)[:20])}.",
                    column=name,
                )
        return replace(self, by_feature={**self.by_feature, **given}, given=tuple(given))

    @property
    def said(self) -> dict[str, str]:
        """Where they come from, a sentence by language."""
        share = "" if self.explained is None else f"{self.explained:.0%}".replace("%", " %")
        en, zh = {
            Origin.MODEL: (
                "of the model: how far its answers move when a column's values are shuffled",
                "来自模型：打乱某一列的取值后，模型输出的变化幅度",
            ),
            Origin.ANSWERS: (
                "estimated from the model's answers to the reference rows, of whose variance an "
                f"additive model of the columns explains {share}",
                f"根据模型对参考数据的输出估计；各列的可加模型解释了其方差的 {share}",
            ),
            Origin.UNKNOWN: (
                f"not known, as {self.why}; columns are ranked by how far they moved alone",
                f"未知（{_WHY_ZH.get(self.why, self.why)}）；仅按变化幅度排序",
            ),
        }[self.origin]
        if self.given:
            listed = ", ".join(self.given)
            en, zh = f"{en}; set by hand for {listed}", f"{zh}；人工设定：{listed}"
        return {"en": f"Importance: {en}.", "zh": f"重要性：{zh}。"}


NOT_PACKAGED = "the version was packaged without it"
_NO_ANSWERS = "the reference has no predictions"
_FEW_ROWS = f"it takes {LEAST_ROWS} reference rows with predictions"
_SAME_ANSWERS = "the reference's predictions do not vary, or its columns do not"
_UNEXPLAINED = "the columns, taken one by one, do not explain the reference's predictions"
_WHY_ZH = {
    NOT_PACKAGED: "该版本打包时未包含",
    _NO_ANSWERS: "参考数据中没有预测值",
    _FEW_ROWS: f"至少需要 {LEAST_ROWS} 行带预测值的参考数据",
    _SAME_ANSWERS: "参考数据的预测值或各列没有变化",
    _UNEXPLAINED: "各列单独无法解释参考数据的预测值",
}


class Explaining:
    """Takes the features of a reference in, one at a time, to say which its answers follow.

    Args:
        answers: to the reference rows; None where there are none.
        n: reference rows.
        n_columns: how many features will come at most.
    """

    def __init__(self, answers: Table | None, *, n: int, n_columns: int) -> None:
        rng = np.random.default_rng(0)
        some = np.sort(rng.choice(n, N_ROWS, replace=False)) if n > N_ROWS else np.arange(n)
        outputs = np.zeros((len(some), 0))
        self._why = _NO_ANSWERS
        if answers is not None and answers.columns:
            outputs, self._why = _outputs(answers, some), ""
        there = np.isfinite(outputs).all(axis=1)
        self._some = some[there]
        self._answers = outputs[there]
        if not self._why and len(self._some) < LEAST_ROWS:
            self._why = _FEW_ROWS
        affordable = len(self._some) // (_ROWS_A_GROUP * max(1, n_columns))
        self._n_groups = min(_MOST_GROUPS, max(_LEAST_GROUPS, affordable))
        self._groups: dict[str, NDArray[np.intp]] = {}

    def add(self, name: str, column: Column) -> None:
        """Take a feature in; vectors, and columns that do not vary, are left out."""
        if self._why or (isinstance(column, np.ndarray) and column.ndim != 1):
            return
        groups = _grouped(column_of(column, self._some), self._n_groups)
        if groups.any():
            self._groups[name] = groups

    def result(self) -> Importance:
        """What came of it."""
        if self._why:
            return Importance(why=self._why)
        found = additive(list(self._groups.values()), self._answers) if self._groups else None
        if found is None or not found.moved.sum() > 0:
            return Importance(why=_SAME_ANSWERS)
        if found.explained < LEAST_EXPLAINED:
            return Importance(why=_UNEXPLAINED)
        relative = (found.moved / found.moved.mean()).tolist()
        return Importance(
            by_feature={
                name: float(f"{value:.{_DIGITS}g}")
                for name, value in zip(self._groups, relative, strict=True)
            },
            origin=Origin.ANSWERS,
            explained=found.explained,
        )


def importance_of(features: Table, answers: Table | None) -> Importance:
    """Which features of a reference its answers follow.   Args: tables of the same rows."""
    explaining = Explaining(answers, n=features.n, n_columns=len(features.columns))
    for name, column in features.columns.items():
        explaining.add(name, column)
    return explaining.result()


def _outputs(answers: Table, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Answers as numbers, shape (n, k): scores as they are, other numbers in units of their spread;
    one column for each class where there are no numbers.
    """
    columns = [column_of(column, rows) for column in answers.columns.values()]
    numbers = [c for c in columns if isinstance(c, np.ndarray) and c.dtype.kind == "f"]
    if not numbers:
        return np.concatenate([_classes(c) for c in columns], axis=1)
    found = np.concatenate([c.reshape(len(rows), -1) for c in numbers], axis=1).astype(np.float64)
    finite = found[np.isfinite(found).all(axis=1)]
    if not len(finite) or (finite.min() >= 0 and finite.max() <= 1):
        return found
    spread = finite.std(axis=0)
    return found / np.where(spread > 0, spread, 1.0)


def _classes(column: Column) -> NDArray[np.float64]:
    groups = _grouped(column, _MOST_CLASSES)
    member = np.zeros((len(groups), int(groups.max(initial=0)) + 1))
    member[np.arange(len(groups)), groups] = 1.0
    return member


def _grouped(column: Column, n_groups: int) -> NDArray[np.intp]:
    """The group of each row, from 0 without gaps: numbers by quantiles, the most frequent names
    each by itself and the others together, missing values by themselves.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiu":
        values = column.astype(np.float64)
        finite = values[np.isfinite(values)]
        shares = np.arange(1, n_groups) / n_groups
        edges = np.unique(np.quantile(finite, shares)) if len(finite) else finite
        places = np.where(np.isnan(values), -1, np.searchsorted(edges, values))
    else:
        codes = column.codes if isinstance(column, Coded) else column.astype(np.int32)
        counts = np.bincount(codes[codes >= 0], minlength=1)
        ranks = np.empty(len(counts), np.intp)
        ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        places = np.where(codes >= 0, np.minimum(ranks[codes], n_groups - 1), -1)
    return np.unique(places, return_inverse=True)[1].astype(np.intp)
