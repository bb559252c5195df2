"""Offers a version to our own registry and learns its end: for commands and for pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.kernel.store import Store
from seatrial.registry.archive import is_archive, packed_name
from seatrial.registry.catalog import read_stream
from seatrial.registry.offers import OfferedFacts, OfferedFileMissing
from seatrial.steps.fold import fold
from seatrial.steps.run import PREFIX, Run, Status
from seatrial.training.following.desk import KIND, OWN, record_of, standing_of
from seatrial.training.following.seen import Cause
from seatrial.training.following.standing import ArrivalInput, Ended
from seatrial.wiring.deploying.given import model_file
from seatrial.wiring.deploying.intake import check_name
from seatrial.wiring.evaluation.cards import card_folder
from seatrial.wiring.registry.card import read_evaluation, write_evaluation
from seatrial.wiring.registry.registries import own_registry
from seatrial.wiring.workspace import Workspace

__all__ = ["Ending", "Offer", "Offered", "arrival", "ending", "offer", "write_evaluation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A version to be released.

    Args:
        model: a name of the section ``registry.models``, or of an endpoint.
        file: a model file, or an archive of a bundle, which is not packaged again; or what
            else `wiring.deploying.given.model_file` takes.
        key: unique for what is offered: the same key again is the same offer. "" for none.
        label: the column it predicts; None as configured.
        data: sample of the training data; None as configured. Paths are kept, not copied.
        holdout: labelled rows it was not trained on; None as configured.
        evaluation: folder that `write_evaluation` wrote. It is used again where it was made
            against the bundle in production and on these rows; the offerer vouches that it is of
            this file.
        notes: JSON-able details, such as ``run``.
        by: who offers it.
    """

    model: str
    file: Path
    key: str = ""
    label: str | None = None
    data: Path | None = None
    holdout: Path | None = None
    evaluation: Path | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    by: str = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A version that was offered.

    Args:
        model, number: its name in our registry.
        endpoint: where it is released to.
    """

    model: str
    number: int
    endpoint: str

    @property
    def run_id(self) -> str:
        """The run that releases it, once a server has seen it."""
        given = ArrivalInput(
            source=OWN,
            model=self.model,
            number=self.number,
            endpoint=self.endpoint,
            cause=str(Cause.REGISTERED),
            revision=0,
        )
        return f"{KIND}/{given.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of a version.

    Args:
        outcome: a value of `training.following.standing.Ended`, or ``cancelled``.
        reason: why.
        code: of the error it failed with, or "".
        version: of our catalogue, or None where it did not get that far.
        release: id of its release, or None.
        card: folder of its model card, or None where it was not evaluated.
    """

    outcome: str
    reason: str
    code: str
    version: int | None
    release: str | None
    card: Path | None


def offer(workspace: Workspace, store: Store, wish: Offer) -> Offered:
    """Keep a version in our registry; a server takes it from there. Blocks for the copy.

    Raises: OfferInvalid, OfferedFileMissing; NameDiffers, ArchiveUnreadable, BundleTooNew;
        EvaluationUnreadable; BundleDiskFull, BundleNotWritten; NotPlain.
    """
    endpoint = workspace.settings.registry.endpoint_of(wish.model)
    if wish.file.is_file() and is_archive(wish.file):
        name = packed_name(wish.file)
        check_name(endpoint if name is None else name, endpoint)
    for path in (wish.data, wish.holdout):
        if path is not None and not path.is_file():
            raise OfferedFileMissing(
                f"There is no file {str(path)!r}.", remedy="Give the path of the rows."
            )
    if wish.evaluation is not None:
        read_evaluation(wish.evaluation)
    of = OfferedFacts(
        label=wish.label,
        data=_absolute(wish.data),
        holdout=_absolute(wish.holdout),
        evaluation=_absolute(wish.evaluation),
        notes=dict(wish.notes),
    )
    mlflow = workspace.settings.registry.url
    with model_file(wish.file, say=lambda *_: None, mlflow=mlflow) as file:
        own = own_registry(workspace, store)
        kept = own.offer(wish.model, file, of, key=wish.key, by=wish.by)
    return Offered(model=kept.model, number=kept.number, endpoint=endpoint)


def ending(workspace: Workspace, store: Store, offered: Offered) -> Ending | None:
    """What became of a version; None while it is under way. Reads one stream."""
    run = _run(store, offered)
    if run is None or (run.over is None and run.status is not Status.FAILED):
        return None
    standing = standing_of(run)
    version = standing.get("version")
    card = None if version is None else card_folder(workspace, offered.endpoint, version)
    failed = run.current.error if run.current is not None else {}
    return Ending(
        outcome=run.outcome or ("cancelled" if run.over else str(Ended.FAILED)),
        reason=run.reason or str(failed.get("problem", "")),
        code=str(standing.get("code") or failed.get("code", "")),
        version=version,
        release=standing.get("release") or None,
        card=card if card is not None and card.is_dir() else None,
    )


def arrival(store: Store, offered: Offered) -> dict[str, Any] | None:
    """How far a version is, as a JSON-able record; None before a server has seen it."""
    run = _run(store, offered)
    return None if run is None else record_of(run)


def _run(store: Store, offered: Offered) -> Run | None:
    return fold(None, read_stream(store, f"{PREFIX}{offered.run_id}"))


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())
