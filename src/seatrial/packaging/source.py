"""What a person gives to be packaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.packaging.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a person gave.

    Args:
        model: the file.
        name: of the model.
        sample: rows of the data it was made for, or None.
        label: the column of the sample that it predicts, or None when nobody said.
        holdout: labelled rows it was not trained on, or None.
        trust: load the file whatever it imports.
        any_version: accept another version of the model's library.
        segments: inputs whose values are to be watched apart.
        usual_segments: the same for every model that can be split by them; not looked at where
            ``segments`` are given.
        engine: name of the engine elsewhere that is to answer; None for those here.
    """

    model: Path
    name: str
    sample: Sample | None
    label: str | None
    trust: bool = False
    any_version: bool = False
    holdout: Sample | None = None
    segments: tuple[str, ...] = ()
    usual_segments: tuple[str, ...] = ()
    engine: str | None = None
