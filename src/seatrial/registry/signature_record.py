"""The JSON form of a signature, written into manifests and facts; strict when read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task


class SignatureUnreadable(Invalid):
    """A stored signature has a field that is missing, unknown or of another type."""

    code = "signature.unreadable"


class FeatureRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input as stored; see `Feature`."""

    name: str
    dtype: Dtype
    nullable: bool
    categories: list[str | int] | None
    shape: tuple[int, ...] = ()


class OutputRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One output as stored; see `Output`."""

    name: str
    dtype: Dtype
    width: int | None
    classes: list[str | int] | None
    shape: tuple[int, ...] | None = None


class SignatureRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature as stored; every field is written, but for the shape of what is no tensor."""

    features: list[FeatureRecord]
    outputs: list[OutputRecord]
    task: Task
    matrix: bool
    named: bool


def signature_to_dict(signature: Signature) -> dict[str, object]:
    """A JSON-able mapping that `signature_from_dict` reads back as an equal signature."""
    return {
        "features": [
            {
                "name": feature.name,
                "dtype": feature.dtype.value,
                "nullable": feature.nullable,
                "categories": _plain(feature.categories),
                **({"shape": list(feature.shape)} if feature.shape else {}),
            }
            for feature in signature.features
        ],
        "outputs": [
            {
                "name": output.name,
                "dtype": output.dtype.value,
                "width": output.width,
                "classes": _plain(output.classes),
                **({"shape": list(output.shape)} if output.shape else {}),
            }
            for output in signature.outputs
        ],
        "task": signature.task.value,
        "matrix": signature.matrix,
        "named": signature.named,
    }


def signature_from_dict(data: Mapping[str, object]) -> Signature:
    """The signature behind a mapping made by `signature_to_dict`.

    Raises: SignatureUnreadable, naming the field; Invalid for one that no model can have.
    """
    try:
        record = msgspec.convert(data, SignatureRecord)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    return signature_from_record(record)


def signature_from_record(record: SignatureRecord) -> Signature:
    """The signature behind a parsed record. Raises: SignatureUnreadable, Invalid."""
    return Signature(
        features=tuple(
            Feature(
                name=feature.name,
                dtype=feature.dtype,
                nullable=feature.nullable,
                categories=_values(feature.categories, f"categories of {feature.name!r}"),
                shape=feature.shape,
            )
            for feature in record.features
        ),
        outputs=tuple(
            Output(
                name=output.name,
                dtype=output.dtype,
                width=output.width,
                classes=_values(output.classes, f"classes of {output.name!r}"),
                shape=output.shape,
            )
            for output in record.outputs
        ),
        task=record.task,
        matrix=record.matrix,
        named=record.named,
    )


def _plain(values: Sequence[str] | Sequence[int] | None) -> list[str | int] | None:
    # Estimators hand out numpy scalars, which no JSON encoder knows.
    return None if values is None else [str(v) if isinstance(v, str) else int(v) for v in values]


def _values(values: list[str | int] | None, where: str) -> tuple[str, ...] | tuple[int, ...] | None:
    if values is None:
        return None
    texts = tuple(v for v in values if isinstance(v, str))
    numbers = tuple(v for v in values if isinstance(v, int))
    if texts and numbers:
        raise _unreadable(f"the {where} mix text and numbers")
    return texts or numbers


def _unreadable(reason: str) -> SignatureUnreadable:
    return SignatureUnreadable(
        f"The stored signature cannot be read: {reason}.",
        remedy="Deploy the model again to write a new one.",
    )
