"""How well a model does on labelled rows, as found when it is packaged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.performance.served_reference import (
    Origin,
    learn_reference,
    write_reference,
)
from seatrial.monitoring.rows.served import column_of
from seatrial.packaging.describe import labelled_rows
from seatrial.packaging.sample import Sample, SampleMismatch
from seatrial.packaging.session import ModelSession
from seatrial.packaging.trial import Trial, answered
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
) -> Found:
    """The reference from rows kept from training, else from the labelled sample.

    A model without one is served all the same; its performance is then not watched.
    Raises: SampleMismatch: the holdout is not of this model.
    """
    if holdout is not None:
        return _from_holdout(holdout, label, signature, session)
    if not trial.from_sample or trial.labels is None:
        return Found(record=None, said="none: there are no labelled rows; see --label, --holdout")
    known = trial.known
    return _learned(signature, known.rows, known.truth, trial.labels, Origin.SAMPLE)


def _from_holdout(
    holdout: Sample, label: str | None, signature: Signature, session: ModelSession
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
    return _learned(signature, found.rows, found.truth, labels[found.kept], Origin.HOLDOUT)


def _learned(
    signature: Signature, rows: Batch, truth: Prediction, labels: Column, origin: Origin
) -> Found:
    try:
        served = learn_reference(signature, rows, truth, column_of(labels), origin=origin)
    except SeatrialError as problem:
        return Found(record=None, said=f"none: {problem.problem}")
    return Found(record=write_reference(served), said=served.said)
