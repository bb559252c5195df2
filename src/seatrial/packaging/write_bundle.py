"""What was found out about a model, written as its bundle."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from seatrial.monitoring.rows.served import (
    categorical_names,
    column_of,
    features_table,
    predictions_table,
)
from seatrial.monitoring.summaries.profile import LABELS, Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segment_reference import with_segments
from seatrial.packaging.examine import Examined, graphs_of
from seatrial.packaging.model_facts import ModelFacts
from seatrial.packaging.requirements import model_pins, render_pins
from seatrial.packaging.segments import split_by
from seatrial.packaging.source import Source
from seatrial.packaging.trial import Trial, rows_within, spread
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.scan import ScanReport
from seatrial.registry.signature import Signature, n_rows, take
from seatrial.serving.engine import EngineKind

_WITHOUT_FRAMES = frozenset(
    ("catboost", "huggingface", "keras", "mlflow", "python", "pytorch", "tensorflow")
)
"""Frameworks whose models are never given a data frame, or name pandas themselves."""

_N_GOLDEN = 32
_GOLDEN_BYTES = 1 << 20
"""What golden inputs may take in memory; as text they take some five times as much."""


def write_bundle(
    source: Source,
    root: Path,
    *,
    facts: ModelFacts,
    scan: ScanReport,
    signature: Signature,
    found: Examined,
    profile: Mapping[str, object],
    performance: Mapping[str, object] | None,
) -> Bundle:
    """The bundle of a model, in the folder of bundles ``root``.

    Args: as `assemble` found them; ``profile`` is the record of `sample_profile`, ``performance``
        the reference of its quality, or None.
    Raises: what `Bundle.create` raises.
    """
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        artefacts = _artefacts(source.model, found, Path(scratch))
        pins = model_pins(
            roles=artefacts.keys(),
            modules=scan.modules,
            columns=_takes_frames(facts, signature),
            listed=scan.listed,
            texts=any(package == "tokenizers" for package, _ in facts.packages),
        )
        parity = found.exported.parity
        return Bundle.create(
            root,
            Contents(
                name=source.name,
                framework=Framework(name=facts.framework, version=facts.version),
                python=platform.python_version(),
                signature=signature,
                source_sha256=scan.sha256,
                artefacts=artefacts,
                requirements=render_pins(pins),
                golden=_golden(found.trial, signature),
                profile=profile,
                plan=found.plan.as_dict(),
                parity=parity.as_dict() if parity else None,
                trusted=source.trust or source.any_version,
                performance=performance,
            ),
        )


def _takes_frames(facts: ModelFacts, signature: Signature) -> bool:
    """Whether the native model is given its rows as a data frame."""
    return not (signature.matrix or signature.has_tensors or facts.framework in _WITHOUT_FRAMES)


def _artefacts(model: Path, found: Examined, scratch: Path) -> dict[Role, Path]:
    """The file of every engine that the plan needs; for one elsewhere, what it can be given."""
    artefacts: dict[Role, Path] = {}
    graphs, needed = graphs_of(found.exported), found.plan.engines
    if found.plan.remote is not None:
        given = EngineKind.ONNX if EngineKind.ONNX in graphs else EngineKind.NATIVE
        needed = frozenset((given,))
    for kind, graph in graphs.items():
        if kind in needed:
            file = scratch / f"{kind.value}.onnx"
            file.write_bytes(graph)
            artefacts[Role(kind.value)] = file
    if EngineKind.NATIVE in needed:
        artefacts[Role.NATIVE] = model
    return artefacts


def _golden(trial: Trial, signature: Signature) -> Golden:
    known = trial.known
    at = spread(n_rows(known.rows), min(_N_GOLDEN, rows_within(signature, _GOLDEN_BYTES)))
    return Golden(
        inputs=take(known.rows, at), outputs={name: out[at] for name, out in known.truth.items()}
    )


def sample_profile(source: Source, signature: Signature, found: Examined) -> Profile | None:
    """What the sample looked like; nothing of rows that were made up.

    Raises: what `split_by` raises.
    """
    trial = found.trial
    if not trial.from_sample:
        return None
    categorical = set(categorical_names(signature))
    labels = trial.labels
    if labels is not None and labels.dtype.kind != "f":
        categorical.add(LABELS)
    features = features_table(signature, trial.known.rows)
    answers = predictions_table(signature, found.served)
    profile = profile_of(
        features,
        predictions=answers,
        labels=None if labels is None else column_of(labels),
        categorical=categorical,
    )
    names = split_by(profile, asked=source.segments, usual=source.usual_segments)
    profile = replace(profile, importance=dict(found.importance))
    return with_segments(profile, features, answers, names)
