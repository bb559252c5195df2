"""What can go wrong with features; each error says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.kernel.errors import (
    DeadlineExceeded,
    Invalid,
    LimitExceeded,
    MissingExtra,
    NotFound,
    SeatrialError,
    Unavailable,
)


class RepositoryMissing(NotFound):
    """There is no feature repository in this folder."""

    code = "features.repository_missing"


class RepositoryExists(Invalid):
    """A repository would be written over what is there."""

    code = "features.repository_exists"


class RepositoryInvalid(Invalid):
    """The files of a repository cannot be read, or say what is not understood."""

    code = "features.repository_invalid"


class NotApplied(NotFound):
    """The repository's definitions were never applied, so nothing is known of them."""

    code = "features.not_applied"


class Unregistered(NotFound):
    """No view, feature or service of this name is registered; ``facts["nearest"]``."""

    code = "features.unregistered"


class Unsupported(Invalid):
    """Something that Feast can do and the online lookup cannot."""

    code = "features.unsupported"


class EntityInvalid(Invalid):
    """The entity of a row lacks a join key, has one too many, or one of another type."""

    code = "features.entity_invalid"


class EntityMissing(NotFound):
    """The online store has no value for an entity, and there is no default."""

    code = "features.entity_missing"


class FeatureStale(Unavailable):
    """The value of a feature is older than it may be, and there is no default."""

    code = "features.stale"


class FeaturesLate(DeadlineExceeded):
    """The online store did not answer in time, and not every feature has a default."""

    code = "features.late"


class LookupsFull(LimitExceeded):
    """More lookups wait for the online store than may."""

    code = "features.lookups_full"
    retryable = True


class OnlineStoreUnavailable(Unavailable):
    """The online store cannot be read."""

    code = "features.online_unavailable"


class EndpointWithoutFeatures(NotFound):
    """An endpoint looks no features up.

    Args: known: endpoints that do.
    """

    code = "features.no_endpoint"

    def __init__(self, endpoint: str, *, known: Sequence[str] = ()) -> None:
        super().__init__(
            f"The configuration has no features.endpoints.{endpoint}.",
            remedy="Name an endpoint that looks features up: "
            f"{', '.join(known) or 'there is none yet'}.",
            endpoint=endpoint,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return EndpointWithoutFeatures, (self.facts["endpoint"],)


class FeastFailed(SeatrialError):
    """Feast itself refused or failed; the text is Feast's."""

    code = "features.feast_failed"


class FeastMissing(MissingExtra):
    """No Python with Feast was found.

    Args: python: the interpreter that was tried.
    """

    code = "features.feast_missing"

    def __init__(
        self, package: str = "feast", extra: str = "feast", *, python: str = "This Python"
    ) -> None:
        SeatrialError.__init__(
            self,
            f"{python} has no Feast.",
            remedy="Give Feast an environment of its own, since it holds back pandas and others: "
            "python -m venv .feast && .feast/bin/pip install 'feast[redis,postgres]==0.67.*', and "
            "name .feast/bin/python as features.python in seatrial.yaml or as "
            f"SEATRIAL_FEATURES__PYTHON. Or run: pip install 'seatrial[{extra}]'",
            package=package,
            extra=extra,
            python=python,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _feast_missing, (self.facts["python"],)


def _feast_missing(python: str) -> FeastMissing:
    return FeastMissing(python=python)
