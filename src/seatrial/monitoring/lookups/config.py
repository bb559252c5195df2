"""The section ``lookups`` of the watch: when features that are looked up are in trouble."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration


class LookupsConfig(ConfigModel):
    """When features that are looked up are stale, or missing more often than before."""

    every: Duration = Field(
        default=600.0, gt=0, description="A window lasts at least so long, such as 10m."
    )
    least_values: int = Field(
        default=200, ge=1, description="And goes on until a feature was looked up so often."
    )
    stale_warning: float = Field(
        default=0.01, gt=0, lt=1, description="Share of stale values over which it is a warning."
    )
    stale_critical: float = Field(default=0.1, gt=0, lt=1, description="And critical.")
    missing_warning: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Growth of the share of missing values and nulls, against the windows before, "
        "that is a warning.",
    )
    missing_critical: float = Field(default=0.2, gt=0, lt=1, description="And critical.")
    skew_warning: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Share of values served that training would not get, that is a warning.",
    )
    skew_critical: float = Field(default=0.1, gt=0, lt=1, description="And critical.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stale_critical < self.stale_warning:
            raise ValueError("stale_critical is smaller than stale_warning")
        if self.missing_critical < self.missing_warning:
            raise ValueError("missing_critical is smaller than missing_warning")
        if self.skew_critical < self.skew_warning:
            raise ValueError("skew_critical is smaller than skew_warning")
        return self
