"""Counts the rows of a version against the reference profile in its bundle."""

from __future__ import annotations

from pathlib import Path

from seatrial.monitoring.rows.served import features_table, predictions_table
from seatrial.monitoring.summaries.live_counter import LiveCounter
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profile_record import read_profile
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.registry.bundle import Bundle
from seatrial.registry.signature import Batch, Prediction, Signature
from seatrial.serving.live import LiveVersion


class ProfileCounter:
    """See `serving.counting.Counter`.

    Args:
        signature: of the version whose rows come.
        profile: what they are counted against.
    """

    def __init__(self, signature: Signature, profile: Profile) -> None:
        self._signature = signature
        self._counter = LiveCounter(profile)

    def add(self, batch: Batch, prediction: Prediction) -> None:
        """See Counter."""
        self._counter.add(
            features_table(self._signature, batch), predictions_table(self._signature, prediction)
        )

    def take(self) -> bytes | None:
        """See Counter.   Raises: SummaryTooLarge."""
        summary = self._counter.take()
        return encode(summary) if summary.n else None


class Counters:
    """Makes the counter of a version; see `serving.counting.OpenCounter`.

    Args:
        bundles: one folder per digest.
    """

    def __init__(self, bundles: Path) -> None:
        self._bundles = bundles

    def __call__(self, live: LiveVersion) -> ProfileCounter | None:
        """A counter, or None where the version was packaged without a sample.

        Raises: BundleNotFound, BundleTampered and their kin; ProfileUnreadable.
        """
        profile = profile_of(Bundle.open(self._bundles / live.digest, digest=live.digest))
        return None if profile is None else ProfileCounter(live.signature, profile)


def profile_of(bundle: Bundle) -> Profile | None:
    """The reference profile of a bundle; None where it was packaged without a sample.

    Raises: ProfileUnreadable.
    """
    record = bundle.profile()
    return read_profile(record) if record else None
