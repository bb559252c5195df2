"""What a version takes and answers, which engine runs it and how that does, for the console.

The example is made up: a row of the training data may be about a person.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from seatrial.registry.manifest import Framework
from seatrial.registry.signature import Dtype, Feature, Output, Signature
from seatrial.registry.tensor_summary import summary_names
from seatrial.serving.codec.description import inputs
from seatrial.serving.engine import EnginePlan

_SHOWN: Final = 12
"""Inputs that are listed; of hundreds nobody reads more."""
_SPELLED_OUT: Final = 32
"""Values of an example that are written one by one; more of them a program makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is known of a version's model.

    Args:
        framework: what made it.
        signature: its inputs and outputs.
        plan: which engine answers.
    """

    framework: Framework
    signature: Signature
    plan: EnginePlan


Models: TypeAlias = Callable[[str, int], Shown | None]
"""What is known of a version of an endpoint; None where its bundle cannot be read here."""


def models_of(
    endpoint: Mapping[str, Any], metrics: Mapping[str, Any], find: Models
) -> list[dict[str, Any]]:
    """What the section shows: a record for each version that serves or is about to.

    Args:
        endpoint: as `release.view.view` gives it.
        metrics: as `Desk.metrics` gives them.
        find: looks a version up.
    """
    if endpoint["kind"] != "model":
        return []
    address = next(iter(endpoint["addresses"]), "http://127.0.0.1:8080")
    found = ((version, find(endpoint["name"], version)) for version in _versions(endpoint))
    return [
        {"version": version, "framework": None}
        if shown is None
        else {
            "version": version,
            "framework": shown.framework,
            "engine": shown.plan.runs_in,
            "remote": shown.plan.remote,
            "says": endpoint["engines"].get(str(version)) if shown.plan.remote else None,
            "failed": endpoint["failed"].get(str(version)),
            "state": _state(endpoint, metrics, version),
            "inputs": [_input(f) for f in shown.signature.features[:_SHOWN]],
            "n_more": max(0, len(shown.signature.features) - _SHOWN),
            "outputs": [_output(o) for o in shown.signature.outputs],
            "example": example(shown.signature, endpoint["name"], address),
        }
        for version, shown in found
    ]


def _versions(endpoint: Mapping[str, Any]) -> list[int]:
    """Those of the split, of its experiments and of the release under way, stable first."""
    split, release = endpoint["split"], endpoint["release"]
    found = [split["stable"], split["canary"], split["shadow"]]
    found += [arm["version"] for trial in endpoint["experiments"] for arm in trial["arms"]]
    if release and (not release["over"] or not any(found)):
        found.append(release["version"])
    return list(dict.fromkeys(v for v in found if v is not None))


def _state(endpoint: Mapping[str, Any], metrics: Mapping[str, Any], version: int) -> dict[str, Any]:
    """How its engine does, by what was seen of it."""
    total = metrics["totals"].get(str(version)) or {"n": 0, "error_rate": None}
    serves = version in (endpoint["split"][role] for role in ("stable", "canary", "shadow"))
    return {
        "n_workers": endpoint["n_workers"] if serves else 0,
        "n_ready": endpoint["n_workers_up_to_date"],
        "n": total["n"],
        "error_rate": total["error_rate"],
    }


def _input(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "dtype": feature.dtype.value,
        "shape": _shape(feature.shape),
        "values": [str(c) for c in (feature.categories or ())[:_SHOWN]],
        "nullable": feature.nullable,
        "watched": summary_names(feature) if feature.shape else [],
        "is_text": feature.dtype is Dtype.STRING and feature.categories is None,
    }


def _output(output: Output) -> dict[str, Any]:
    return {
        "name": output.name,
        "dtype": output.dtype.value,
        "shape": _shape(output.row_shape),
        "values": [str(c) for c in (output.classes or ())[:_SHOWN]],
    }


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def example(signature: Signature, endpoint: str, address: str) -> str:
    """A command that asks for one made-up row, by the Open Inference Protocol."""
    tensors = [
        (str(t["name"]), str(t["datatype"]), [1, *_sizes(t["shape"])], list(values))
        for t, values in zip(inputs(signature), _values(signature), strict=True)
    ]
    asked = f"{address}/v2/models/{quote(endpoint, safe='')}/infer"
    header = "-H 'content-type: application/json'"
    if sum(prod(shape) for _, _, shape, _ in tensors) <= _SPELLED_OUT:
        body = json.dumps(
            {
                "inputs": [
                    {"name": name, "shape": shape, "datatype": datatype, "data": values}
                    for name, datatype, shape, values in tensors
                ]
            },
            ensure_ascii=False,
        )
        return f"curl -s {asked} {header} \\\n  -d {shlex.quote(body)}"
    made = ", ".join(
        f'{{"name": {json.dumps(name)}, "shape": {shape}, "datatype": "{datatype}", '
        f'"data": {_program(values)}}}'
        for name, datatype, shape, values in tensors
    )
    program = f'import json\nprint(json.dumps({{"inputs": [{made}]}}))'
    return f"python3 -c {shlex.quote(program)} |\n  curl -s {asked} {header} -d @-"


def _program(values: list[object]) -> str:
    """A list as Python, by what it repeats."""
    return f"[{values[0]!r}] * {len(values)}" if len(set(map(repr, values))) == 1 else repr(values)


def _sizes(shape: object) -> list[int]:
    assert isinstance(shape, list)
    return [int(size) for size in shape[1:]]


def _values(signature: Signature) -> Iterator[list[object]]:
    """The values of each input tensor, flat."""
    if signature.matrix:
        yield [_value(feature) for feature in signature.features]
        return
    for feature in signature.features:
        yield [_value(feature)] * feature.size


def _value(feature: Feature) -> object:
    if feature.categories:
        return feature.categories[0]
    if feature.dtype.whole:
        return 0
    return {Dtype.STRING: "text", Dtype.BOOL: False}.get(feature.dtype, 0.0)
