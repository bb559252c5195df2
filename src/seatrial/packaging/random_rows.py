"""Rows made up within a signature: to look for differences where no sample row goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from seatrial.packaging.model_facts import InputFact
from seatrial.registry.signature import Batch, Column, Dtype, Feature, Signature

_MISSING_SHARE: Final = 0.05
_MISSING: Final = {Dtype.STRING: None}
_WORDS: Final = ("alpha", "beta", "gamma", "delta", "epsilon")


def random_rows(
    signature: Signature, n: int, *, seed: int, hints: Sequence[InputFact] = ()
) -> Batch:
    """Random rows that fit ``signature``; the same for the same arguments.

    Numbers spread a little beyond where the model branches, or around its typical values, or are
    standard normal; a twentieth of the values that may be missing are.

    Args:
        signature: the inputs.
        n: rows, >= 1.
        seed: of the generator.
        hints: what is known of the values; in the features' order, or empty.
    """
    rng = np.random.default_rng(seed)
    known = {h.name: h for h in hints}
    columns = {
        feature.name: _column(feature, known.get(feature.name), n, rng)
        for feature in signature.features
    }
    if signature.matrix:
        return np.column_stack(list(columns.values())).astype(signature.matrix_dtype, copy=False)
    return columns


def _column(feature: Feature, hint: InputFact | None, n: int, rng: np.random.Generator) -> Column:
    if feature.shape:
        one = replace(feature, shape=())
        return _column(one, hint, n * feature.size, rng).reshape(n, *feature.shape)
    choices = feature.categories or (hint.categories if hint is not None else None)
    if choices:
        column = _chosen(choices, feature.dtype, n, rng)
    elif feature.dtype is Dtype.STRING:
        column = _chosen(_WORDS, feature.dtype, n, rng)
    elif feature.dtype is Dtype.BOOL:
        column = rng.random(n) < 0.5
    elif feature.dtype.whole and feature.dtype.narrow:
        column = _narrow(feature.dtype, hint, n, rng)
    else:
        column = _numbers(hint, n, rng).astype(feature.dtype.numpy)
    if feature.nullable:
        gaps = rng.random(n) < _MISSING_SHARE
        missing = np.array(_MISSING.get(feature.dtype, np.nan), dtype=column.dtype)
        column = np.where(gaps, missing, column)
    return column


def _chosen(
    choices: Sequence[str | int | float | bool], dtype: Dtype, n: int, rng: np.random.Generator
) -> Column:
    column = np.empty(n, dtype=dtype.numpy)
    column[:] = [choices[i] for i in rng.integers(len(choices), size=n)]
    return column


def _narrow(dtype: Dtype, hint: InputFact | None, n: int, rng: np.random.Generator) -> Column:
    """Those of the sample, or all: pixels have no typical value."""
    low, high = (None, None) if hint is None else (hint.low, hint.high)
    known = low is not None and high is not None
    first, last = (int(low or 0), int(high or 0)) if known else dtype.bounds
    return rng.integers(first, last, size=n, endpoint=True).astype(dtype.numpy)


def _numbers(hint: InputFact | None, n: int, rng: np.random.Generator) -> Column:
    if hint is None:
        return rng.standard_normal(n)
    if hint.low is not None and hint.high is not None:
        return rng.integers(int(hint.low), int(hint.high), size=n, endpoint=True)
    if hint.spread is not None or hint.center is not None:
        values = rng.normal(hint.center or 0.0, hint.spread or 1.0, n)
    elif hint.edges:
        first, last = hint.edges[0], hint.edges[-1]
        beyond = 0.1 * (last - first) or max(1.0, abs(first))
        values = rng.uniform(first - beyond, last + beyond, n)
    else:
        values = rng.standard_normal(n)
    return values if hint.low is None else hint.low + np.abs(values - hint.low)
