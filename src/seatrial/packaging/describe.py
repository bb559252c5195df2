"""The signature of a model: from what it shows of itself and from sample rows. Pure.

Names, order and what is refused come from the model; what it does not show comes from the sample;
where they contradict, an error names the column. Whole numbers are offered as float features (a
client may send either), except where the model's own categories are whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.kernel.errors import Invalid
from seatrial.packaging.accepted_rows import as_batch, why_none
from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.packaging.sample import LABEL_NAMES, Sample, SampleMismatch, find_label
from seatrial.registry.signature import Batch, Column, Dtype, Feature, Output, Signature, Task, take
from seatrial.serving.failures import UnsupportedModel


class NeedsSample(Invalid):
    """The model does not show its inputs."""

    code = "signature.needs_sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a model takes, before its outputs are known.

    Args:
        features: its inputs, in the model's order.
        matrix: whether a batch is one matrix.
        named: whether the names are the model's or the sample's.
        hints: for each feature what is known of its values; in the same order.
        rows: the sample's rows that fit, as a batch; None without a sample.
        labels: the label of each of ``rows``, when the sample has one.
        notes: what was ignored, assumed or dropped, for people.
    """

    features: tuple[Feature, ...]
    matrix: bool
    named: bool
    hints: tuple[InputFact, ...]
    rows: Batch | None
    labels: Column | None
    notes: tuple[str, ...]

    def signature(self, task: Task, outputs: Sequence[Output]) -> Signature:
        """The whole signature, with its outputs."""
        return Signature(
            features=self.features,
            outputs=tuple(outputs),
            task=task,
            matrix=self.matrix,
            named=self.named,
        )


def describe(
    facts: ModelFacts, sample: Sample | None = None, *, label: str | None = None
) -> Described:
    """The inputs of a model.

    Args:
        facts: what it shows of itself.
        sample: rows of the data it was made for.
        label: the column of ``sample`` that it predicts; recognised when None, if it can be.
    Raises: SampleMismatch naming the column, NeedsSample, UnsupportedModel.
    """
    if facts.inputs == ():
        raise UnsupportedModel(
            f"The {facts.estimator} takes no inputs.",
            remedy="Save it with its rows as an input.",
        )
    if sample is None:
        return _alone(facts)
    notes: list[str] = []
    sample = _spread(facts, sample, label)
    hints, found_label = _matched(facts, sample, label, notes)
    columns = {h.name: sample.columns[h.name] for h in hints}
    hints = tuple(_shaped(h, columns[h.name]) for h in hints)
    hints = tuple(_settled(h, columns[h.name], notes) for h in hints)
    features, matrix = _features(hints, facts.number)
    batch, keep = as_batch(features, columns, matrix=matrix)
    if not keep.any():
        raise SampleMismatch(
            "No row of the sample is valid for the model.",
            remedy="Give rows without missing or unknown values: " + why_none(features, columns),
        )
    if not keep.all():
        notes.append(f"{int((~keep).sum())} sample rows have values the model refuses; left out.")
    labels = None if found_label is None else sample.columns[found_label][keep]
    return Described(
        features=features,
        matrix=matrix,
        named=True,
        hints=hints,
        rows=take(batch, np.flatnonzero(keep)),
        labels=labels,
        notes=(*facts.notes, *notes),
    )


def _alone(facts: ModelFacts) -> Described:
    if facts.inputs is None:
        raise NeedsSample(
            f"The {facts.estimator} does not show which inputs it takes.",
            remedy="Give some rows of its data with --data.",
        )
    notes = [
        f"The type of {h.name!r} is not shown by the model; a number is assumed."
        for h in facts.inputs
        if h.kind is Kind.UNKNOWN
    ]
    respelled = [h.name for h in facts.inputs if "_" in h.name]
    if facts.framework == "lightgbm" and facts.named and respelled:
        notes.append(
            f"LightGBM keeps blanks in names as '_', as perhaps in {respelled[0]!r}, and requests "
            "have to as well; rows with --data bring the names back as they were."
        )
    hints = tuple(
        replace(h, kind=Kind.NUMBER) if h.kind is Kind.UNKNOWN else h for h in facts.inputs
    )
    features, matrix = _features(hints, facts.number)
    return Described(
        features=features,
        matrix=matrix,
        named=facts.named,
        hints=hints,
        rows=None,
        labels=None,
        notes=(*facts.notes, *notes),
    )


def _matched(
    facts: ModelFacts, sample: Sample, label: str | None, notes: list[str]
) -> tuple[tuple[InputFact, ...], str | None]:
    """The model's inputs under the sample's names, and the label's name."""
    if facts.inputs is not None and (facts.named or _has_all(sample, facts.inputs)):
        facts = _respelled(facts, sample)
        assert facts.inputs is not None
        names = frozenset(h.name for h in facts.inputs)
        found = find_label(sample, names, label)
        missing = [h.name for h in facts.inputs if h.name not in sample.columns]
        if missing:
            raise SampleMismatch(
                f"The sample lacks the column {missing[0]!r} that the model was trained on.",
                remedy="Add the missing columns: " + ", ".join(map(repr, missing[:12])) + ".",
                field=missing[0],
                missing=missing,
            )
        extra = [n for n in sample.columns if n not in names and n != found]
        if extra:
            notes.append("Columns the model does not take: " + ", ".join(extra[:12]) + ".")
        return facts.inputs, found
    found = find_label(sample, None, label)
    columns = [n for n in sample.columns if n != found]
    if facts.inputs is None:
        return tuple(InputFact(name=n) for n in columns), found
    if found is not None and label is None and len(columns) == len(facts.inputs) - 1:
        columns, found = list(sample.columns), None  # a feature that only sounds like a label
    if len(columns) != len(facts.inputs):
        raise SampleMismatch(
            f"The model takes {len(facts.inputs)} inputs; the sample has {len(columns)} columns"
            + (f" besides the label {found!r}." if found else "."),
            remedy="Give a sample with exactly the model's inputs; name the label with --label.",
            expected=len(facts.inputs),
            found=len(columns),
        )
    named = zip(facts.inputs, columns, strict=True)
    return tuple(replace(fact, name=name) for fact, name in named), found


def _has_all(sample: Sample, inputs: Sequence[InputFact]) -> bool:
    """Whether names that were made up, such as ``text``, are nevertheless the sample's."""
    return {h.name for h in inputs} <= sample.columns.keys()


def _spread(facts: ModelFacts, sample: Sample, label: str | None) -> Sample:
    """The sample with its one matrix as columns, where the model takes numbers, or with the model's
    own name for its one tensor, where a file of arrays has another."""
    others = [name for name in sample.columns if name not in (label, *LABEL_NAMES)]
    if len(others) != 1:
        return sample
    (name,) = others
    values = sample.columns[name]
    inputs = facts.inputs or ()
    matrix = values.ndim == 2 and not any(i.shape for i in inputs)
    if matrix and _is_side_by_side(len(inputs), values):
        found = {f"x{j}": values[:, j] for j in range(values.shape[1])}
        found = dict(zip([i.name for i in inputs] or found, found.values(), strict=True))
    elif len(inputs) == 1 and inputs[0].shape:
        found = {inputs[0].name: values}
    else:
        return sample
    rest = {n: c for n, c in sample.columns.items() if n != name}
    return replace(sample, columns=found | rest)


def _shaped(hint: InputFact, column: Column) -> InputFact:
    """The input with the shape of its values, which have to be as the model says."""
    shape = column.shape[1:]
    if hint.kind is Kind.UNKNOWN and not hint.shape:
        return replace(hint, shape=shape, dtype=_whole_dtype(shape, column))
    if hint.shape != shape:
        raise SampleMismatch(
            f"The model takes {hint.name!r} in the shape {['n', *hint.shape]}; the sample has "
            f"{['n', *shape]}.".replace("'n'", "n"),
            remedy="Give the rows in the shape the model was trained on, one row after the other; "
            "tensors come in an .npz or .npy file, or as lists in Parquet.",
            field=hint.name,
        )
    return hint


def _is_side_by_side(n_inputs: int, rows: Column) -> bool:
    """Whether the rows of a matrix are features; of a model that does not say, whole numbers are
    tokens."""
    return n_inputs == rows.shape[1] if n_inputs else not _is_whole(rows.shape[1:], rows)


def _is_whole(shape: tuple[int, ...], column: Column) -> bool:
    """Whether a tensor holds whole numbers, such as tokens, rather than measurements."""
    return bool(shape) and column.dtype.kind in "iu"


def _whole_dtype(shape: tuple[int, ...], column: Column) -> Dtype | None:
    """That of a tensor of whole numbers; bytes stay bytes, as the pixels of images are."""
    if not _is_whole(shape, column):
        return None
    return Dtype.UINT8 if column.dtype == np.uint8 else Dtype.INT64


def _respelled(facts: ModelFacts, sample: Sample) -> ModelFacts:
    """Names as the sample has them: LightGBM keeps ``plan type`` as ``plan_type``."""
    if facts.framework != "lightgbm" or facts.inputs is None:
        return facts
    spelled = {re.sub(r"\s", "_", name): name for name in sample.columns}
    inputs = tuple(
        h if h.name in sample.columns else replace(h, name=spelled.get(h.name, h.name))
        for h in facts.inputs
    )
    return replace(facts, inputs=inputs)


def _settled(hint: InputFact, column: Column, notes: list[str]) -> InputFact:
    """What the model shows of an input, completed by the sample's values."""
    text, truth = column.dtype == object, column.dtype.kind == "b"
    if hint.kind is Kind.UNKNOWN:
        kind = Kind.STRING if text else Kind.BOOLEAN if truth else Kind.NUMBER
        return _ranged(replace(hint, kind=kind), column)
    if hint.kind is Kind.STRING and not text:
        if not _reads_as_known(hint, column):
            raise SampleMismatch(
                f"The model takes strings for {hint.name!r}; the sample has {column.dtype}.",
                remedy="Save the sample with the same column types as at training.",
                field=hint.name,
            )
        notes.append(f"The sample's numbers in {hint.name!r} are read as strings.")
    if hint.kind is Kind.NUMBER and text:
        example = next((v for v in column.tolist() if v is not None), None)
        raise SampleMismatch(
            f"The model takes numbers for {hint.name!r}; the sample has strings such as "
            f"{example!r}.",
            remedy="Save the sample with the same column types as at training.",
            field=hint.name,
        )
    if hint.dtype is not None and hint.dtype.narrow:
        _check_narrow(hint, hint.dtype, column)
    return _ranged(hint, column)


def _check_narrow(hint: InputFact, dtype: Dtype, column: Column) -> None:
    values = column.astype(np.float64)
    if dtype.whole:
        least, largest = dtype.bounds
        what, remedy = "whole numbers", "Give the pixels as they are, before they are scaled."
        strange = (values < least) | (values > largest) | (values != np.floor(values))
    else:
        (least, largest), what = (-65_504, 65_504), "numbers"
        remedy = "Scale them as for training, or leave these rows out."
        strange = np.isfinite(values) & (np.abs(values) > largest)
    if strange.any():
        raise SampleMismatch(
            f"The model takes {what} from {least} to {largest} for {hint.name!r}; the sample has "
            f"{values[strange][0]:g}.",
            remedy=remedy,
            field=hint.name,
        )


def _reads_as_known(hint: InputFact, column: Column) -> bool:
    known = {str(c) for c in hint.categories or ()}
    return bool(known) and {str(v) for v in column.tolist()} & known != set()


def _ranged(hint: InputFact, column: Column) -> InputFact:
    """Add where the sample's numbers lie, when the model did not say."""
    if hint.kind is not Kind.NUMBER or hint.categories is not None or column.dtype == object:
        return hint
    values = column.astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return hint
    spread = float(values.std())
    low = hint.low if hint.low is not None or values.min() < 0 else 0.0
    if hint.dtype is not None and hint.dtype.whole:
        return replace(hint, low=float(values.min()), high=float(values.max()))
    return replace(hint, center=float(values.mean()), spread=spread or None, low=low)


def _features(hints: Sequence[InputFact], number: Dtype) -> tuple[tuple[Feature, ...], bool]:
    features = tuple(_feature(h, number) for h in hints)
    one = len({f.dtype for f in features}) == 1 and features[0].dtype.numeric
    matrix = one and not any(f.shape for f in features)
    return features, matrix


def _feature(hint: InputFact, number: Dtype) -> Feature:
    known = hint.categories
    dtype = {Kind.STRING: Dtype.STRING, Kind.BOOLEAN: Dtype.BOOL}.get(
        hint.kind, hint.dtype or number
    )
    if hint.kind is Kind.NUMBER and known is not None and not hint.nullable and _whole(known):
        dtype = Dtype.INT64
    return Feature(
        name=hint.name,
        dtype=dtype,
        nullable=hint.nullable and not dtype.whole and dtype is not Dtype.BOOL,
        categories=_closed_categories(hint, dtype),
        shape=hint.shape,
    )


def _whole(values: Sequence[object]) -> bool:
    return all(isinstance(v, int) and not isinstance(v, bool) for v in values)


def _closed_categories(hint: InputFact, dtype: Dtype) -> tuple[str, ...] | tuple[int, ...] | None:
    if not hint.closed or hint.categories is None:
        return None
    if dtype is Dtype.STRING:
        return tuple(str(c) for c in hint.categories)
    whole = _whole(hint.categories) and dtype is Dtype.INT64
    return tuple(int(c) for c in hint.categories) if whole else None
