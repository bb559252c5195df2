"""How well a model does on labelled rows, as found when it is packaged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.performance.segment_reference import (
    KEY,
    learn_segments,
    write_segments,
)
from seatrial.monitoring.performance.served_reference import (
    Origin,
    learn_reference,
    write_reference,
)
from seatrial.monitoring.rows.served import column_of
from seatrial.monitoring.summaries.segments import Splits
from seatrial.packaging.accepted_rows import labelled_rows
from seatrial.packaging.label_ids import named_labels
from seatrial.packaging.sample import Sample, SampleMismatch
from seatrial.packaging.session import ModelSession
from seatrial.packaging.trial import Answered, Trial, answered
from seatrial.registry.signature import Batch, Column, Prediction, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A reference, or why there is none.

    Args:
        record: for the bundle; None where there is none.
        said: in one sentence.
    """

    record: Mapping[str, object] | None
    said: str


def reference_of(
    holdout: Sample | None,
    label: str | None,
    signature: Signature,
    trial: Trial,
    session: ModelSession,
    *,
    framework: str = "",
    splits: Splits | None = None,
) -> Found:
    """The reference from rows kept from training, else from the labelled sample.

    A model without one is served all the same; its performance is then not watched.

    Args:
        framework: that made the model; see `label_ids`.
        splits: the segments that it is kept by too; None for none.
    Raises: SampleMismatch: the holdout is not of this model.
    """
    if holdout is not None:
        return _from_holdout(holdout, label, signature, session, splits, framework=framework)
    if not trial.from_sample or trial.labels is None:
        return Found(record=None, said="none: there are no labelled rows; see --label, --holdout")
    labels = named_labels(trial.labels, framework, signature)
    return _learned(signature, trial.known, labels, Origin.SAMPLE, splits)


def _from_holdout(
    holdout: Sample,
    label: str | None,
    signature: Signature,
    session: ModelSession,
    splits: Splits | None,
    *,
    framework: str,
) -> Found:
    rows, labels = labelled_rows(signature, holdout, label=label)

    async def predict(batch: Batch) -> Prediction:
        return await asyncio.to_thread(session.predict, batch)

    found = asyncio.run(answered(rows, predict)) if len(labels) else None
    if found is None:
        raise SampleMismatch(
            "The model answers none of the rows of the holdout.",
            remedy="Give labelled rows like those of the sample.",
            field="holdout",
        )
    known = named_labels(labels[found.kept], framework, signature)
    return _learned(signature, found, known, Origin.HOLDOUT, splits)


def _learned(
    signature: Signature, known: Answered, labels: Column, origin: Origin, splits: Splits | None
) -> Found:
    rows, truth, truly = known.rows, known.truth, column_of(labels)
    try:
        served = learn_reference(signature, rows, truth, truly, origin=origin)
        record = write_reference(served)
        if splits is not None:
            by_segment = learn_segments(
                served, splits, signature=signature, batch=rows, answers=truth, labels=truly
            )
            record |= {KEY: write_segments(by_segment)}
    except SeatrialError as problem:
        return Found(record=None, said=f"none: {problem}")
    return Found(record=record, said=served.said)
