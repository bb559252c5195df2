"""The segments a version is to be watched by: which columns, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.monitoring.summaries.profile import Categorical, Numeric, Profile
from seatrial.monitoring.summaries.segments import MAX_COLUMNS, MAX_SEGMENTS, OTHER, Splits
from seatrial.packaging.sample import SampleMismatch
from seatrial.registry.signature import Signature


def check_segments(asked: Sequence[str], signature: Signature, *, has_sample: bool) -> None:
    """Refuse columns that the server will not see, before anything takes long.

    Raises: SampleMismatch.
    """
    for name in asked:
        if name not in signature.names:
            raise SampleMismatch(
                f"The model has no input {name!r} to split by.",
                remedy="Name inputs of the model with --segments: "
                f"{', '.join(signature.names[:12])}.",
                field=name,
            )
    if asked and not has_sample:
        raise SampleMismatch(
            "There is no sample to keep segments of.",
            remedy="Give rows of the training with --data.",
            field="segments",
        )


def split_by(profile: Profile, *, asked: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    """The columns to split by.

    Args:
        asked: for this model.
        usual: for every model, taken where none is asked for; what this model does not have, or
            what cannot be split by, is left out.
    """
    can = [n for n in usual if isinstance(profile.features.get(n), Categorical | Numeric)]
    return tuple(dict.fromkeys(asked or can[:MAX_COLUMNS]))


def said_of(splits: Splits) -> str:
    """What is kept, in one sentence."""
    parts = []
    for split in splits.columns:
        n = len(split.values) - 3
        more = f", the others together as {OTHER}" if n == MAX_SEGMENTS else ""
        parts.append(f"{split.name} ({n} segments{more})")
    return f"the sample is kept by {', '.join(parts)}"
