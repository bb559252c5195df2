"""The section ``registry`` of the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.registry.naming import MAX_LENGTH, suggest_name
from seatrial.release.config import Duration, ReleaseConfig
from seatrial.training.evaluation.config import EvaluationConfig

SECRET = "SEATRIAL_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
"""Holds what webhooks of the registry are signed with, unless the section names another."""

EVERY_VERSION = "version"

_MODEL = re.compile(r"[^/:'\"\x00-\x1f]{1,200}")
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Endpoint = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=MAX_LENGTH)]
_Alias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class FollowedConfig(ConfigModel):
    """A model of the registry that is released whenever something happens to it."""

    endpoint: _Endpoint | None = Field(
        default=None, description="The endpoint it is released to; by default the model's name."
    )
    event: str = Field(
        default=EVERY_VERSION,
        pattern=r"^(version|alias:[A-Za-z0-9][A-Za-z0-9._-]{0,99})$",
        description="What begins a release: `version` for every version that is registered, or "
        "`alias:NAME` for every move of an alias.",
    )
    target: Literal["staging", "production"] = Field(
        default="production",
        description="`staging` ends after the tests and the evaluation; `production` goes on to "
        "the canary. The first version of an endpoint has none to protect, and gets all traffic "
        "once its staging tests have passed.",
    )
    holdout: Path | None = Field(
        default=None,
        description="Labelled rows that no version was trained on: Parquet, CSV or JSON, read anew "
        "for each version. Without them a version is not evaluated, and the canary alone judges.",
    )
    label: str | None = Field(default=None, description="Column that the model predicts.")
    data: Path | None = Field(
        default=None,
        description="Sample of the training data, for the reference that drift is held against; "
        "by default the holdout.",
    )
    training: Path | None = Field(
        default=None,
        description="Rows of the training: what the holdout shares with them is left out.",
    )
    evaluation: EvaluationConfig | None = Field(
        default=None, description="Its own rules, in place of the section evaluation."
    )
    cannot_tell: Literal["stop", "canary"] = Field(
        default="stop",
        description="What follows where the rows cannot tell whether it is worse: `stop`, or go on "
        "to the `canary`.",
    )
    release: ReleaseConfig | None = Field(
        default=None, description="Its own steps and gates, in place of those of the endpoint."
    )
    new_signature: bool = Field(
        default=False,
        description="Whether a version may take or answer something else than the one in "
        "production; otherwise it fails.",
    )
    trust: bool = Field(
        default=False, description="Load registered files whatever they import: they run code."
    )
    any_version: bool = Field(
        default=False, description="Accept another version of the model's library."
    )
    move_alias: _Alias | None = Field(
        default=None,
        description="Alias that is moved to a version in the registry when it is promoted.",
    )

    @property
    def alias(self) -> str | None:
        """The alias whose moves are events, or None where every version is one."""
        return None if self.event == EVERY_VERSION else self.event.removeprefix("alias:")


class RegistryConfig(ConfigModel):
    """Registered models that are released by themselves."""

    url: str | None = Field(
        default=None,
        description="MLflow's registry: http://HOST:PORT of its server, sqlite:///FILE, or a "
        "folder. Without one, only versions offered with `seatrial register` are followed.",
    )
    models: dict[str, FollowedConfig] = Field(
        default_factory=dict, description="What is followed, by the model's name in the registry."
    )
    every: Duration = Field(
        default=1.0,
        ge=0.2,
        le=3600,
        description="How often MLflow is asked, such as 10s. One that takes long to answer is "
        "asked less often, down to every ten seconds, so that this takes no more than a twentieth "
        "of its time. A webhook makes it at once; what it missed is found at the next time.",
    )
    webhook_secret_env: _Variable = Field(
        default=SECRET,
        description="Environment variable that holds the secret of MLflow's webhooks.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Address of this server for people: begins the links to model cards that are "
        "written into the registry. By default the address it listens on.",
    )

    @model_validator(mode="after")
    def _check_models(self) -> RegistryConfig:
        taken: dict[str, str] = {}
        for model in self.models:
            if not _MODEL.fullmatch(model):
                raise ValueError(f"models: {model[:80]!r} is no name of a registered model")
            endpoint = self.endpoint_of(model)
            if endpoint in taken:
                raise ValueError(
                    f"models: {taken[endpoint]!r} and {model!r} are both released to {endpoint!r}; "
                    "give one of them another endpoint"
                )
            taken[endpoint] = model
        return self

    def of(self, model: str) -> FollowedConfig:
        """How a model is followed."""
        return self.models.get(model) or FollowedConfig()

    def endpoint_of(self, model: str) -> str:
        """Where a model is released to."""
        return self.of(model).endpoint or suggest_name(model)
