"""Evaluates a new version against the one in production: opens, asks, times, compares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.kernel.errors import SeatrialError, Unavailable
from seatrial.monitoring.rows.served import column_of
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profile_record import read_profile
from seatrial.monitoring.summaries.segment_reference import segment_columns
from seatrial.packaging.accepted_rows import accepted_rows
from seatrial.packaging.label_ids import named_labels
from seatrial.packaging.sample import Sample, SampleMismatch
from seatrial.registry.bundle import Bundle
from seatrial.training.evaluation import card_content
from seatrial.training.evaluation.answers import Answers, Holdout
from seatrial.training.evaluation.card import card_page
from seatrial.training.evaluation.card_markdown import card_markdown
from seatrial.training.evaluation.decision import Outcome
from seatrial.training.evaluation.evaluate import evaluate as evaluate_answers
from seatrial.training.evaluation.evaluation import BASELINE, NEW, Evaluation, VersionFacts
from seatrial.training.evaluation.metrics import OwnMetric, check_names
from seatrial.training.evaluation.record import evaluation_record
from seatrial.training.evaluation.rules import Rules
from seatrial.wiring.deploying.versions import open_version
from seatrial.wiring.evaluation.answers import Asked, answers_of, times_in_turns
from seatrial.wiring.evaluation.own_metric import own_metric
from seatrial.wiring.evaluation.rows import (
    digest,
    is_cut,
    label_of,
    read,
    repeated,
    source,
)
from seatrial.wiring.evaluation.subject import Say, subject
from seatrial.wiring.workspace import Workspace, open_workspace

_HEIGHT_PX = 700


class VersionFails(Unavailable):
    """The engine of a version crashed, hung, or took too much memory on the rows."""

    code = "evaluation.version_fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOrder:
    """What a person wants evaluated.

    Args:
        new: NAME@VERSION or NAME of the catalogue, a bundle, or a model file.
        against: likewise, what it is compared with.
        data: file of labelled rows that neither was trained on, or a frame.
        label: the column that is predicted; recognised when None, if it can be.
        segments: columns to look at one by one; None for those that the baseline is watched by, as
            far as the rows have them.
        metrics: to be shown, and functions as ``package.module:name`` or, where less is better,
            ``package.module:name:less``; none for the usual ones.
        training: file of the rows that were trained on; those are left out of the comparison.
        rules: of the decision.
        timed: whether to measure latency.
        trust: load model files and bundles of others whatever they import.
        any_version: accept model files of another version of their library.
    """

    new: str | Path
    against: str | Path
    data: object
    label: str | None = None
    segments: tuple[str, ...] | None = None
    metrics: tuple[str, ...] = ()
    training: Path | None = None
    rules: Rules = field(default_factory=Rules)
    timed: bool = True
    trust: bool = False
    any_version: bool = False


@dataclass(frozen=True, repr=False)
class Evaluated:
    """A new version held against a baseline. Shown in a notebook, it is the whole card.

    Args:
        found: everything that was measured, and what came of it.
    """

    found: Evaluation

    @property
    def outcome(self) -> Outcome:
        """Better, not worse, worse, or nobody can tell."""
        return self.found.decision.outcome

    @property
    def reason(self) -> str:
        """Why, in a sentence or two."""
        return card_content.reason(self.found)

    def as_dict(self) -> dict[str, Any]:
        """What `seatrial evaluate --json` prints."""
        return evaluation_record(self.found)

    def page(self, language: str = "en") -> str:
        """The model card as one HTML page that needs nothing else.

        Args: language: ``en`` or ``zh``.
        """
        return card_page(self.found, language)

    def markdown(self, language: str = "en") -> str:
        """The model card as Markdown.   Args: as `page`."""
        return card_markdown(self.found, language)

    def __repr__(self) -> str:
        """For consoles: what came of it."""
        return f"<{card_content.title(self.found)}: {self.outcome}. {self.reason}>"

    def _repr_html_(self) -> str:
        """For notebooks: the page, which has no script, in a frame of its own."""
        frame = f"width:100%;height:{_HEIGHT_PX}px;border:0"
        page = escape(self.page(), quote=True)
        return f'<iframe srcdoc="{page}" sandbox style="{frame}"></iframe>'


def evaluate(
    new: str | Path,
    *,
    against: str | Path,
    data: object,
    label: str | None = None,
    segments: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    training: Path | None = None,
    rules: Rules | None = None,
    trust: bool = False,
    any_version: bool = False,
    workspace: Workspace | None = None,
) -> Evaluated:
    """Compare a new version with another over the same labelled rows. Nothing is registered.

    Args: see `EvaluationOrder`; rules as `seatrial.yaml` has them, and the workspace of this
        folder, unless they are given.
    Raises: what `evaluate_order` raises.
    """
    place = workspace or open_workspace()
    order = EvaluationOrder(
        new=new,
        against=against,
        data=data,
        label=label,
        segments=None if segments is None else tuple(segments),
        metrics=tuple(metrics),
        training=training,
        rules=rules or place.settings.evaluation.rules(),
        trust=trust,
        any_version=any_version,
    )
    return evaluate_order(place, order)


def evaluate_order(
    workspace: Workspace,
    order: EvaluationOrder,
    *,
    on_step: Say = lambda _mark, _name, _text: None,
    on_progress: Callable[[str, str], None] = lambda _name, _text: None,
) -> Evaluated:
    """Open both versions, ask them for all rows, and compare. Blocks; not for an event loop.

    Models run where they run in production: graphs in ONNX Runtime, all others in a child process.

    Args:
        on_step: told mark, name and text of each step that has ended.
        on_progress: told name and text of what is under way.
    Raises: BadSample, SampleMismatch, HoldoutIsTraining, MetricNotFound; what opening versions
        raises; VersionFails; what `training.evaluation.evaluation.evaluate` raises.
    """
    names, own, rules = _metrics(order)
    guarded = [guardrail.metric for guardrail in rules.guardrails or ()]
    primary = [] if rules.primary is None else [rules.primary]
    check_names([*names, *primary, *guarded], own)
    on_progress("data", f"reading {source(order.data)}")
    rows = read(order.data)
    label = label_of(rows, order.label)
    _check_columns(_asked_for(order, order.segments or ()), rows)
    trained_on = None if order.training is None else repeated(order.data, rows, order.training)
    if is_cut(rows):
        on_step("note", "data", f"only the first {rows.n_rows:,} rows are read")
    on_step("ok", "data", f"{rows.n_rows:,} rows of {source(order.data)}, label {label}")
    with ExitStack() as opened:
        bundles: dict[str, Bundle] = {}
        called: dict[str, str] = {}
        for side, named in ((NEW, order.new), (BASELINE, order.against)):
            on_progress("open", str(named))
            found = opened.enter_context(
                subject(
                    workspace,
                    named,
                    rows=rows,
                    label=label,
                    trust=order.trust,
                    any_version=order.any_version,
                    on_step=on_step,
                    on_progress=on_progress,
                )
            )
            bundles[side], called[side] = found.bundle, found.name
        given, versions = asyncio.run(
            _asked(workspace, order, bundles, called, rows=rows, label=label, tell=on_progress)
        )
        profile = _profile(bundles[BASELINE])
    for side in (NEW, BASELINE):
        on_step("ok", side, f"{called[side]}: {int(given[side].answered.sum()):,} rows answered")
    segments = _segments(order, rows, profile)
    labels = rows.columns[label]
    for bundle in bundles.values():
        labels = named_labels(labels, bundle.manifest.framework.name, bundle.signature)
    holdout = Holdout(
        label=label,
        labels=column_of(labels),
        values=labels,
        columns={name: column_of(rows.columns[name]) for name in segments},
        source=source(order.data),
        digest=digest(order.data) if isinstance(order.data, str | Path) else None,
        repeated=trained_on,
    )
    return Evaluated(
        evaluate_answers(
            holdout,
            given,
            versions,
            rules,
            now=datetime.now(UTC),
            metrics=names,
            own=own,
            segments=segments,
            profile=profile,
            progress=lambda what, done, n: on_progress(what, f"{done:,} of {n:,}"),
        )
    )


async def _asked(
    workspace: Workspace,
    order: EvaluationOrder,
    bundles: Mapping[str, Bundle],
    called: Mapping[str, str],
    *,
    rows: Sample,
    label: str,
    tell: Callable[[str, str], None],
) -> tuple[dict[str, Answers], dict[str, VersionFacts]]:
    """The answers of both versions, and how long they take."""
    limits = workspace.settings.server.child_limits()
    asked: dict[str, Asked] = {}
    answers: dict[str, Answers] = {}
    try:
        for side, bundle in bundles.items():
            batch, accepted = accepted_rows(bundle.signature, rows, label=label)
            live = open_version(bundle, endpoint=called[side], version=1, limits=limits)
            asked[side] = Asked(live=live, batch=batch, accepted=accepted)
            answers[side] = await _answered(asked[side], called[side], tell)
        both = np.logical_and.reduce([one.answered for one in answers.values()])
        times = None
        if order.timed and both.any():
            tell("latency", "asking both in turns")
            times = await times_in_turns(asked, both, seed=order.rules.seed)
    finally:
        for one in asked.values():
            await one.live.close()
    facts = {
        side: replace(
            _facts(called[side], bundle),
            one=None if times is None else times[side][0],
            many=None if times is None else times[side][1],
        )
        for side, bundle in bundles.items()
    }
    return answers, facts


async def _answered(asked: Asked, name: str, tell: Callable[[str, str], None]) -> Answers:
    try:
        await asked.live.start()
        return await answers_of(asked, partial(_told, tell, name))
    except SeatrialError as problem:
        raise VersionFails(
            f"{name} does not answer the rows: {problem.problem}", remedy=problem.remedy
        ) from problem


def _told(tell: Callable[[str, str], None], name: str, done: int, n: int) -> None:
    tell("answers", f"{name}: {done:,} of {n:,} rows")


def _facts(name: str, bundle: Bundle) -> VersionFacts:
    made = bundle.manifest.framework
    return VersionFacts(
        name=name,
        digest=bundle.digest,
        framework=f"{made.name} {made.version}",
        engine=str(bundle.manifest.plan.get("reason", "")),
        n_bytes=bundle.n_bytes,
        signature=bundle.signature,
    )


def _profile(bundle: Bundle) -> Profile | None:
    found = bundle.profile()
    return read_profile(found) if found else None


def _segments(order: EvaluationOrder, rows: Sample, profile: Profile | None) -> tuple[str, ...]:
    """Columns to split by: as asked for, else as the baseline is watched, and those of guardrails.

    Raises: SampleMismatch.
    """
    asked = order.segments
    if asked is None:
        usual = () if profile is None else segment_columns(profile)
        asked = tuple(name for name in usual if name in rows.columns)
    names = _asked_for(order, asked)
    _check_columns(names, rows)
    return names


def _asked_for(order: EvaluationOrder, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns to split by, and those of guardrails."""
    guarded = [g.column for g in order.rules.guardrails or () if g.column is not None]
    return tuple(dict.fromkeys((*columns, *guarded)))


def _check_columns(names: Sequence[str], rows: Sample) -> None:
    """Raises: SampleMismatch: a column that was asked for is not there."""
    missing = next((name for name in names if name not in rows.columns), None)
    if missing is not None:
        raise SampleMismatch(
            f"The rows have no column {missing!r} to split by.",
            remedy=f"Name some of: {', '.join(list(rows.columns)[:12])}.",
            field=missing,
        )


def _metrics(order: EvaluationOrder) -> tuple[tuple[str, ...], tuple[OwnMetric, ...], Rules]:
    """The metrics known by name, the functions, and the rules with the name of theirs."""
    primary = order.rules.primary or ""
    named = dict.fromkeys((*order.metrics, *([primary] if ":" in primary else [])))
    own = {name: own_metric(name) for name in named if ":" in name}
    rules = order.rules
    if primary in own:
        rules = replace(rules, primary=own[primary].name)
    return tuple(n for n in named if n not in own), tuple(own.values()), rules
