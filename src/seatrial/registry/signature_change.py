"""Whether clients of one version can go on as they are with another: two signatures compared.

Only what a client would notice counts. A difference breaks every client, or changes what it gets; a
narrowing, such as of values that may be missing, breaks those who send what is no longer taken, and
from the signatures nobody can say whether any do. A feature that takes more is neither. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.registry.signature import WHOLE, Dtype, Feature, Output, Signature

_NUMBERS = frozenset(one for one in Dtype if one.numeric)


def _within(one: Dtype, other: Dtype) -> bool:
    """Whether every whole number of one type is one of the other."""
    (least, largest), (low, high) = one.bounds, other.bounds
    return low <= least and largest <= high


_TAKES: dict[Dtype, frozenset[Dtype]] = {
    **dict.fromkeys((one for one in Dtype if one.floating), _NUMBERS),
    **{one: frozenset(other for other in WHOLE if _within(other, one)) for one in WHOLE},
    Dtype.BOOL: frozenset({Dtype.BOOL}),
    Dtype.STRING: frozenset({Dtype.STRING}),
}
"""What may be sent to a feature of a type, by the type it was meant for; see `serving.column`."""

_FLOATS = frozenset({Dtype.FLOAT32, Dtype.FLOAT64})


def differences(served: Signature, offered: Signature) -> tuple[str, ...]:
    """What every client of ``served`` would notice if ``offered`` answered it; empty when nothing.

    Args:
        served: of the version that answers now.
        offered: of the version that shall.
    Returns: one phrase per difference, features first, then the task, then outputs.
    """
    return (
        *_of_features(served, offered),
        *_of_task(served, offered),
        *_of_outputs(served, offered),
    )


def narrowings(served: Signature, offered: Signature) -> tuple[str, ...]:
    """What ``offered`` takes less of than ``served``, in features both have; a phrase for each."""
    before = {feature.name: feature for feature in served.features}
    pairs = [(before[after.name], after) for after in offered.features if after.name in before]
    return tuple(said for pair in pairs for said in _narrower(*pair))


def _of_features(served: Signature, offered: Signature) -> Iterator[str]:
    before = {feature.name: feature for feature in served.features}
    after = {feature.name: feature for feature in offered.features}
    for name in served.names:
        if name not in after:
            yield f"the feature {name!r} is gone"
    for name in offered.names:
        if name not in before:
            yield f"the feature {name!r} is new"
    for name in served.names:
        if name in after:
            yield from _of_feature(before[name], after[name])
    if before.keys() == after.keys() and served.names != offered.names:
        yield "the features are in another order, which rows without names follow"


def _of_feature(before: Feature, after: Feature) -> Iterator[str]:
    if before.dtype not in _TAKES[after.dtype]:
        yield f"the feature {after.name!r} is {after.dtype}, not {before.dtype}"
    if before.shape != after.shape:
        yield f"the feature {after.name!r} has {_shaped(after)} a row, not {_shaped(before)}"


def _narrower(before: Feature, after: Feature) -> Iterator[str]:
    if before.nullable and not after.nullable:
        yield f"the feature {after.name!r} may no longer be missing"
    if after.dtype is Dtype.FLOAT16 is not before.dtype:
        yield f"the feature {after.name!r} takes no number beyond 65,504 any more"
    if after.categories is None:
        return
    if before.categories is None:
        yield f"the feature {after.name!r} takes only known categories now"
        return
    gone = [c for c in before.categories if c not in after.categories]
    if gone:
        more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
        listed = ", ".join(repr(c) for c in gone[:3])
        yield f"the feature {after.name!r} no longer knows {listed}{more}"


def _of_task(served: Signature, offered: Signature) -> Iterator[str]:
    if served.task is not offered.task:
        yield f"the task is {offered.task}, not {served.task}"


def _of_outputs(served: Signature, offered: Signature) -> Iterator[str]:
    before = {output.name: output for output in served.outputs}
    after = {output.name: output for output in offered.outputs}
    for name in sorted(before.keys() - after.keys()):
        yield f"the output {name!r} is gone"
    for name in sorted(after.keys() - before.keys()):
        yield f"the output {name!r} is new"
    for name, output in before.items():
        if name in after:
            yield from _of_output(output, after[name])


def _of_output(before: Output, after: Output) -> Iterator[str]:
    if before.dtype is not after.dtype and not {before.dtype, after.dtype} <= _FLOATS:
        yield f"the output {after.name!r} is {after.dtype}, not {before.dtype}"
    if before.row_shape != after.row_shape and (before.width or 1) == (after.width or 1) != 1:
        yield f"the output {after.name!r} has another shape: {list(after.row_shape)}"
    elif before.width != after.width:
        yield f"the output {after.name!r} has {_columns(after)} a row, not {_columns(before)}"
    elif before.classes != after.classes:
        yield f"the columns of the output {after.name!r} stand for other classes"


def _shaped(feature: Feature) -> str:
    return f"the shape {list(feature.shape)}" if feature.shape else "one value"


def _columns(output: Output) -> str:
    width = 1 if output.width is None else output.width
    return "one value" if width == 1 else f"{width} values"
