"""What a log is compared with, as `monitoring.yaml` names it: rows, or the profile in a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.monitoring.drift.reference import Reference
from seatrial.monitoring.drift.segments import NoSegmentReference
from seatrial.monitoring.performance.log_answers import (
    log_answers,
    log_reference,
    says_performance,
)
from seatrial.monitoring.performance.segment_reference import (
    SegmentReference,
    read_segments,
    segments_of,
    unjudged_segments,
)
from seatrial.monitoring.performance.served_reference import ServedReference, read_reference
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.row_join import together
from seatrial.monitoring.rows.source import Chunk, SourceProblem
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.importance import (
    NOT_PACKAGED,
    Importance,
    Origin,
    importance_of,
)
from seatrial.monitoring.summaries.log_rows import answers_of, features_of, kinds_of
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.segment_reference import segment_columns, segment_reference
from seatrial.monitoring.summaries.segments import Splits
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.watch_file import ReferenceConfig
from seatrial.wiring.watching.table_sources import OpenSource, open_source
from seatrial.wiring.workspace import Workspace

_BOUNDARY_ROWS = 200
"""Rows under which PSI is refused for columns of ten groups: 20 rows a bin."""


class NoReferenceRows(Invalid):
    """The reference has no row, or no column that can be watched."""

    code = "monitoring.no_reference_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rows are compared with.

    Args:
        name: for a person.
        profile: of the reference.
        sample: the rows behind it, where they are at hand; None for a bundle.
        problems: met while they were read.
        performance: how well the model did there; None where that is not known.
        unmeasured: why it is not known; empty where nobody asked.
        by_segment: how well it did in the segments asked for; None where rows are not split.
        importance: of its features; the profile's is this.
        unjudged: why the performance of segments that were asked for is not known; else empty.
    """

    name: str
    profile: Profile
    sample: Reference | None = None
    problems: tuple[SourceProblem, ...] = ()
    performance: ServedReference | None = None
    unmeasured: str = ""
    by_segment: SegmentReference | None = None
    importance: Importance = field(default_factory=Importance)
    unjudged: str = ""

    @property
    def told(self) -> list[dict[str, str]]:
        """What the reader of a report should know of it, by language."""
        return [self.importance.said, *({"en": note, "zh": note} for note in self.notes)]

    def weighed(self, given: Mapping[str, float]) -> Known:
        """The same with the importances that a person has set.   Raises: NoSuchColumn."""
        found = self.importance.with_given(given, self.profile.features)
        profile = structs.replace(self.profile, importance=dict(found.by_feature))
        return replace(self, importance=found, profile=profile)

    @property
    def segments(self) -> Summary | None:
        """Its rows by segment; None where they are not split.   Raises: SummaryUnreadable."""
        return self.sample.segments if self.sample else segment_reference(self.profile)

    @property
    def notes(self) -> list[str]:
        """What a person should know of it."""
        few = (
            f"The reference has {self.profile.n:,} rows: under {_BOUNDARY_ROWS} no PSI is given, "
            "and only large changes can be shown."
        )
        return [*([few] if self.profile.n < _BOUNDARY_ROWS else []), *filter(None, [self.unjudged])]


def known_reference(
    config: ReferenceConfig,
    *,
    columns: Columns,
    segments: Sequence[str],
    folder: Path,
    workspace: Callable[[], Workspace],
    opened: OpenSource = open_source,
) -> Known:
    """Read the reference.

    Args:
        columns: roles that the log's section asks for; those of the reference's own section go
            before. Of the log's, only features and segments must be there.
        segments: columns to split by.
        folder: where relative paths begin.
        workspace: whose bundle is meant by NAME@VERSION.
        opened: opens it.
    Raises: NoReferenceRows, NoSuchSegment, NoSegmentReference, NoProfile; what sources and bundles
        raise.
    """
    if config.bundle is not None:
        return bundle_reference(*config.bundle, workspace(), segments=segments)
    own = "columns" in config.model_fields_set
    names = () if own else names_in(config, folder=folder, opened=opened)
    asked = reference_roles(config, columns, segments, names)
    chunks = list(opened(config, folder=folder, columns=asked).chunks())
    table = together([chunk.table for chunk in chunks])
    roles = _roles(chunks)
    features = features_of(table, roles, segments=segments)
    if not table.n or not features.columns:
        raise no_reference(config, "no rows" if not table.n else "no column that is a feature")
    answers = answers_of(table, roles)
    sample = Reference(features, answers, segments=segments)
    performance, unmeasured = _performance(table, roles, holdout=config.holdout)
    return Known(
        name=config.shown,
        profile=sample.profile,
        sample=sample,
        importance=importance_of(features, answers),
        performance=performance,
        unmeasured=unmeasured,
        by_segment=_by_segment(table, roles, performance, sample.profile, segments),
        problems=tuple(problem for chunk in chunks for problem in chunk.problems),
    )


def names_in(
    config: DataConfig, *, folder: Path, follow: bool = False, opened: OpenSource = open_source
) -> tuple[str, ...]:
    """The columns of some data; none while nothing is there.

    Raises: what sources raise.
    """
    for chunk in opened(config, folder=folder, columns=Columns(), follow=follow).chunks():
        names = dict.fromkeys((*chunk.columns.read, *chunk.columns.ignored))
        if names:
            return tuple(names)
    return ()


def log_columns(
    asked: Columns, known: Known, names: Sequence[str], segments: Sequence[str]
) -> Columns:
    """The roles to read a log with, so that its columns come as the reference's did.

    Args: roles as asked for; the reference; the columns of the log; columns to split by.
    """
    split = _also(asked, [one for one in segments if one in names])
    return replace(split, kinds={**kinds_of(known.profile, names), **split.kinds})


def reference_roles(
    config: ReferenceConfig, columns: Columns, segments: Sequence[str], names: Sequence[str]
) -> Columns:
    """The roles to read a reference with.

    Args: its section; roles of the log's; columns to split by; the columns that the reference has.
    """
    if "columns" in config.model_fields_set:
        return _also(config.columns.columns(), segments)
    return _where_there(_also(columns, segments), names)


def no_reference(config: ReferenceConfig, lack: str) -> NoReferenceRows:
    """The error for a reference with nothing to compare with."""
    return NoReferenceRows(
        f"The reference {config.shown!r} has {lack}.",
        remedy="Name rows of the training under reference, with the columns the model sees.",
        source=config.shown,
    )


def bundle_reference(
    name: str, version: int, workspace: Workspace, *, segments: Sequence[str] = ()
) -> Known:
    """The profile in a bundle.

    Args: segments: columns to split by, whose reference must be there.
    Raises: NoProfile, NoSegmentReference; what bundles raise.
    """
    from seatrial.monitoring.summaries.profile_record import read_profile
    from seatrial.wiring.deploying.bundles import Subject, registered

    _, bundle = registered(workspace, Subject(name=name, number=version))
    record = bundle.performance()
    profile = read_profile(bundle.profile() or {})
    asked_itself = Importance(by_feature=profile.importance, origin=Origin.MODEL)
    known = Known(
        name=f"{name}@{version}",
        profile=profile,
        importance=asked_itself if profile.importance else Importance(why=NOT_PACKAGED),
        performance=read_reference(record) if record else None,
        unmeasured="" if record else "The version was packaged without labelled rows.",
    )
    _check_kept(known, segments)
    if not record or not segments:
        return known
    found = read_segments(record, Splits(known.profile, segments).pairs)
    unjudged = "" if found is not None else unjudged_segments(name, version, segments)["en"]
    return replace(known, by_segment=found, unjudged=unjudged)


def _performance(
    table: Table, roles: Columns, *, holdout: bool
) -> tuple[ServedReference | None, str]:
    if not says_performance(roles):
        return None, ""
    try:
        return log_reference(table, roles, holdout=holdout), ""
    except SeatrialError as problem:
        return None, problem.problem


def _by_segment(
    table: Table,
    roles: Columns,
    performance: ServedReference | None,
    profile: Profile,
    segments: Sequence[str],
) -> SegmentReference | None:
    if performance is None or not segments:
        return None
    reference = performance.reference
    return segments_of(
        reference, Splits(profile, segments), log_answers(table, roles, reference).table
    )


def _check_kept(known: Known, segments: Sequence[str]) -> None:
    kept = segment_columns(known.profile)
    for name in segments:
        if name not in kept:
            raise NoSegmentReference(
                f"The profile of {known.name} was packaged without segments of {name!r}.",
                remedy=f"Deploy the model again with --segments {name}, or name rows under "
                "reference.",
                column=name,
            )


def _also(columns: Columns, segments: Sequence[str]) -> Columns:
    """The roles with more columns to split by."""
    return replace(columns, segments=tuple(dict.fromkeys((*columns.segments, *segments))))


def _where_there(columns: Columns, names: Sequence[str]) -> Columns:
    """The roles without those that a reference needs not have; features and segments it must."""
    there, _ = columns.where_there(names)
    return replace(there, features=columns.features, segments=columns.segments)


def _roles(chunks: Sequence[Chunk]) -> Columns:
    return next((c.columns for c in chunks if c.columns.features is not None), Columns())
