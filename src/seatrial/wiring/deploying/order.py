"""What a person wants deployed, and how its release is to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.kernel.errors import Invalid
from seatrial.release.rollout import Plan
from seatrial.wiring.deploying.given import endpoint_of


class OptionUnused(Invalid):
    """An option says how to package a model, and the file is an archive or a prompt."""

    code = "deploy.option_unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person wants deployed.

    Args:
        model: the file: a model, the archive of a bundle, or a prompt; or what else
            `wiring.deploying.given.model_file` takes.
        name: of the endpoint; None for that of the file, or of the archive's model.
        data: sample file, or None.
        label: column of the sample that the model predicts, or None.
        holdout: file of labelled rows the model was not trained on, or None.
        segments: inputs whose values are watched apart; none for those that the configuration
            names and the model has.
        target: ``staging`` or ``production``.
        share: of the canary in its first step; None as configured.
        watch_s: of every step; None as configured.
        trust: load the file whatever it imports.
        any_version: accept another version of the model's library.
        engine: name of the engine elsewhere that runs it; None for that of the endpoint, if any.
        sign_key: private key that signs its bundle; None for that of the configuration, if any.
        signature: of a SavedModel, which one answers; None for the usual one.
        new_signature: clients know that it takes or answers something else than the version in
            production.
        by: who wants it.
    """

    model: Path
    name: str | None = None
    data: Path | None = None
    label: str | None = None
    holdout: Path | None = None
    segments: tuple[str, ...] = ()
    target: str = "staging"
    share: float | None = None
    watch_s: float | None = None
    trust: bool = False
    any_version: bool = False
    engine: str | None = None
    sign_key: Path | None = None
    signature: str | None = None
    new_signature: bool = False
    by: str = "deploy"

    @property
    def endpoint(self) -> str:
        """The endpoint's name: as given, or made from the file's; an archive brings its own."""
        if self.name is not None:
            return self.name
        return endpoint_of(self.model)


def is_prompt(file: Path) -> bool:
    """Whether a file is that of a prompt, by its name."""
    return file.suffix in (".yaml", ".yml")


_NONE: Mapping[str, object] = {}


def check_options(order: Order, why: str, more: Mapping[str, object] = _NONE) -> None:
    """Refuse what only a model's own file can heed.

    Args:
        why: it is none, as the end of a sentence.
        more: options that it cannot heed either.
    """
    given = {
        "--data": order.data,
        "--label": order.label,
        "--holdout": order.holdout,
        "--segments": order.segments,
        "--any-version": order.any_version,
        "--engine": order.engine,
        **more,
        "--signature": order.signature,
    }
    for option, value in given.items():
        if value:
            raise OptionUnused(
                f"{option} was given, but {order.model.name} {why}.",
                remedy=f"Leave {option} out, or deploy the model's own file.",
                option=option,
            )


def as_asked(plan: Plan, order: Order) -> Plan:
    """The configured steps, with the share and the time that were asked for."""
    first, *others = plan.steps
    if order.share is not None:
        first, others = replace(first, share=order.share), []
    steps = [first, *others]
    if order.watch_s is not None:
        steps = [replace(step, watch_s=order.watch_s) for step in steps]
    return replace(plan, steps=tuple(steps))
