"""From a model file to a bundle: scan, load, describe, export, compare, measure, write.

The file is opened in a child process and nowhere else; a graph is, before it is measured here. What
needs a vendor's library is either run in such a process or given as an argument.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seatrial.kernel.size import show_size
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.segment_reference import segment_columns
from seatrial.monitoring.summaries.segments import Splits
from seatrial.packaging.examine import OpenGraph, Progress, Say, examine
from seatrial.packaging.model_facts import ModelFacts
from seatrial.packaging.plan import elsewhere
from seatrial.packaging.reference import reference_of
from seatrial.packaging.rehearsal import Rehearsal
from seatrial.packaging.requirements import installed_from_files, parse_pins
from seatrial.packaging.segments import check_segments, said_of
from seatrial.packaging.source import Source
from seatrial.packaging.standby import For, Start, starter
from seatrial.packaging.trial import ModelFails
from seatrial.packaging.write_bundle import sample_profile, write_bundle
from seatrial.registry.bundle import Bundle
from seatrial.registry.scan import ScanReport
from seatrial.registry.signature import Feature, Signature
from seatrial.serving.failures import EngineFailed
from seatrial.serving.spawn import ChildLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What came of it.

    Args:
        bundle: written and verified.
        scan: of the file.
        notes: what a person should know.
    """

    bundle: Bundle
    scan: ScanReport
    notes: tuple[str, ...]


def assemble(
    source: Source,
    root: Path,
    *,
    open_graph: OpenGraph,
    say: Say,
    progress: Progress,
    limits: ChildLimits,
    start: Start | None = None,
) -> Assembled:
    """Make the bundle of a model in ``root``.

    Args:
        root: folder of the bundles.
        open_graph: loads a graph that has run in a child already, to measure it.
        say: told of each step that has ended.
        progress: told of each step that begins.
        limits: of the model's process, as in production: engines are measured.
        start: gives the processes, of the same limits; they are started here where it is None.
    Raises: what scanning, loading, describing and writing raise; nothing is left behind.
    """
    begin = start or starter(limits)
    with ExitStack() as opened:
        session = begin(For.MODEL)
        opened.push(session)
        rehearsal = opened.enter_context(Rehearsal(start=partial(begin, For.GRAPH)))
        progress(
            "scan", f"{source.model.name}: reading it, then loading it in a process of its own"
        )
        scan = session.load(source.model, trust=source.trust, any_version=source.any_version)
        facts = session.facts()
        say("ok", "scan", _scanned(scan, facts))
        try:
            signature, described = session.introduce(source.sample, label=source.label)
        except EngineFailed as failed:
            raise ModelFails(
                f"The model fails on the first rows it is given: {failed.problem}",
                remedy="Give rows it was trained on with --data, or train it again.",
            ) from failed
        say("ok", "signature", _signature(signature))
        check_segments(source.segments, signature, has_sample=source.sample is not None)
        found = asyncio.run(
            examine(
                session,
                rehearsal,
                facts,
                signature=signature,
                described=described,
                open_graph=open_graph,
                say=say,
                progress=progress,
            )
        )
        if source.engine is not None:
            found = replace(found, plan=elsewhere(found.plan, source.engine))
        profile = sample_profile(source, signature, found)
        splits = _splits(profile)
        reference = reference_of(
            source.holdout,
            source.label,
            signature,
            found.trial,
            session,
            framework=facts.framework,
            splits=splits,
        )
    if splits is not None:
        say("ok", "segments", said_of(splits))
    say("ok", "reference", reference.said)
    say("ok", "engine", found.plan.reason)
    bundle = write_bundle(
        source,
        root,
        facts=facts,
        scan=scan,
        signature=signature,
        found=found,
        profile={} if profile is None else write_profile(profile),
        performance=reference.record,
    )
    own = installed_from_files(parse_pins(bundle.requirements()))
    notes = (*described.notes, *found.trial.notes, *map(_own_package, own))
    for note in notes:
        say("note", "note", note)
    say("ok", "bundle", f"{bundle.digest[:12]}…, {show_size(bundle.n_bytes)}")
    return Assembled(bundle=bundle, scan=scan, notes=notes)


def _scanned(scan: ScanReport, facts: ModelFacts) -> str:
    known = f"{len(scan.imports)} imports, all known" if not scan.outside else "trusted by you"
    return f"{facts.estimator} of {facts.framework} {facts.version}; {known}"


def _own_package(name: str) -> str:
    return (
        f"{name} was installed from a file of this machine: for a container, put its wheel into "
        "the folder wheels/ of the release"
    )


def _signature(signature: Signature) -> str:
    n = len(signature.features)
    kinds = sorted({_kind(f) for f in signature.features})
    outputs = ", ".join(o.name for o in signature.outputs)
    features = f"{n} feature" if n == 1 else f"{n} features"
    return f"{features} ({', '.join(kinds)}), {signature.task.value}: {outputs}"


def _kind(feature: Feature) -> str:
    return " x ".join([feature.dtype.value, *map(str, feature.shape)])


def _splits(profile: Profile | None) -> Splits | None:
    names = () if profile is None else segment_columns(profile)
    return Splits(profile, names) if profile is not None and names else None
