"""The reference by segment: the sample's own rows, kept in the profile of a bundle.

A segment is never compared with the whole, which it may always have differed from; so a version
whose segments are to be watched keeps its sample counted by them.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Categorical, ColumnProfile, Numeric, Profile
from seatrial.monitoring.summaries.summary import ColumnSummary, Names, Numbers, Summary
from seatrial.monitoring.summaries.summary_record import decode, encode


def with_segments(
    profile: Profile, features: Table, predictions: Table | None, names: Sequence[str]
) -> Profile:
    """The profile with its sample counted by segment.

    Args:
        profile: of these very rows.
        names: columns to split by; none leaves the profile as it is.
    Raises: NoSuchSegment, TooManySegments, SummaryTooLarge.
    """
    if not names:
        return profile
    summariser = Summariser(profile, segments=names, repeats=False)
    counted = summariser.summarise(features, predictions).segments
    kept = {name: counted.get(name, {}) for name in names}
    return replace(profile, segments=encode(Summary(n=features.n, segments=kept)))


def segment_reference(profile: Profile) -> Summary | None:
    """The sample by segment; None where there is none of it.   Raises: SummaryUnreadable."""
    return None if profile.segments is None else decode(profile.segments)


def segment_columns(profile: Profile) -> tuple[str, ...]:
    """The columns that the profile's sample is split by, in their order."""
    kept = segment_reference(profile)
    return () if kept is None else tuple(kept.segments)


def segment_profile(inside: Profile, part: Summary) -> Profile:
    """The profile of one segment of the reference, for what is judged against a profile.

    Which names are known, and which range numbers have, is the whole's business: a few rows miss
    much of it. Names met once may all have been met in this
    segment, so more new ones are expected of it than of the whole: none is called for by chance.

    Args:
        inside: the coarse profile that segments are counted against.
        part: the segment's rows of the reference.
    """

    def own(
        columns: dict[str, ColumnProfile], known: dict[str, ColumnSummary]
    ) -> dict[str, ColumnProfile]:
        return {name: _own(column, known.get(name)) for name, column in columns.items()}

    return replace(
        inside,
        n=part.n,
        features=own(inside.features, dict(part.features.known)),
        predictions=own(inside.predictions, dict(part.predictions.known)),
        repeat_share=None,
        segments=None,
    )


def _own(column: ColumnProfile, part: ColumnSummary | None) -> ColumnProfile:
    match column, part:
        case Numeric(), Numbers():
            return replace(
                column,
                n=part.n,
                n_missing=part.n_missing,
                n_infinite=part.n_infinite,
                counts=tuple(part.counts.tolist()),
            )
        case Categorical(), Names():
            return replace(
                column,
                n=part.n,
                n_missing=part.n_missing,
                n_once=min(column.n_once, part.n_present),
                counts=dict(zip(column.counts, part.counts.tolist(), strict=True)),
                n_other=part.n_other,
            )
    return column
