"""The section `features` of seatrial.yaml: where the repository is, and who is served from it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from seatrial.kernel.config import ConfigModel, Names
from seatrial.release.config import Duration

Default: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr | None


class LookupConfig(ConfigModel):
    """What one endpoint is served of the features."""

    service: str | None = Field(
        default=None, description="The feature service whose features are looked up."
    )
    features: Names = Field(
        default=(),
        description="Or the features one by one, such as user_stats:avg_order_value.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="The input of the model that a feature fills, by the name of the feature, "
        "where the two differ; by VIEW:FEATURE where two views have one of this name.",
    )
    defaults: dict[str, Default] = Field(
        default_factory=dict,
        description="What stands in for a value that is null, missing, stale or late, by the name "
        "of the feature as in columns; null lets the model see a missing value. Without one a "
        "request is refused, unless the value is null: then the model sees a missing value.",
    )
    deadline: Duration = Field(
        default=0.05, gt=0, description="How long the online store may take, such as 50ms."
    )
    max_age: Duration | None = Field(
        default=None,
        gt=0,
        description="How old a value may be besides the TTL of its view, such as 12h.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> LookupConfig:
        if (self.service is None) == (not self.features):
            raise ValueError("needs either service or features")
        return self


class TectonConfig(ConfigModel):
    """A Tecton instance, in the place of a Feast repository; its key is TECTON_API_KEY."""

    url: str = Field(description="Its address, such as https://acme.tecton.ai.")
    workspace: str = Field(description="Name of the workspace of the feature services.")


class FeaturesConfig(ConfigModel):
    """Features of a Feast repository: for the commands, and looked up for predictions."""

    tecton: TectonConfig | None = Field(
        default=None,
        description="Look features up in Tecton: the services of endpoints are its feature "
        "services.",
    )
    repository: Path = Field(
        default=Path("features"), description="Folder of Feast's feature_store.yaml."
    )
    python: str = Field(
        default="",
        description="Python of an environment that has Feast, which only the commands need; empty "
        "for the one that runs seatrial.",
    )
    log_sample_rate: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of looked-up rows that are kept for seatrial features skew.",
    )
    timeout: Duration = Field(
        default=600.0, gt=0, description="How long Feast may take for one step of a command."
    )
    endpoints: dict[str, LookupConfig] = Field(
        default_factory=dict,
        description="Endpoints whose requests may name an entity instead of its features.",
    )
