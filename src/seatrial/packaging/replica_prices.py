"""What replicas cost in a month, by a price table of one's own."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel, load
from seatrial.packaging.sizing import Resources

_Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
_CENT = Decimal("0.01")


class ReplicaPrices(ConfigModel):
    """A price table: what is asked for is paid for, whether it is used or not."""

    currency: str = Field(
        min_length=1, max_length=12, pattern=r"^\S+$", description="Shown with the cost."
    )
    cpu_core_hour: _Price = Field(description="A core that is asked for, for an hour.")
    memory_gib_hour: _Price = Field(description="A GiB of memory that is asked for, for an hour.")
    replica_hour: _Price = Field(
        default=Decimal(0), description="Besides, for each replica and hour."
    )
    hours_per_month: Annotated[Decimal, Field(gt=0, le=744)] = Field(
        default=Decimal(730), description="Hours that are paid for in a month."
    )

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        if not (self.cpu_core_hour or self.memory_gib_hour or self.replica_hour):
            raise ValueError("every price is 0: give one of them at least")
        return self

    def monthly(self, n: int, resources: Resources) -> Decimal:
        """What n replicas cost in a month, to the hundredth."""
        hour = (
            self.cpu_core_hour * resources.cpu_m / 1000
            + self.memory_gib_hour * resources.memory_mib / 1024
            + self.replica_hour
        )
        return (n * hour * self.hours_per_month).quantize(_CENT, ROUND_HALF_UP)


def read_prices(path: Path) -> ReplicaPrices:
    """A table from a YAML file.   Raises: ConfigMissing, ConfigUnreadable, ConfigInvalid."""
    return load(path, ReplicaPrices, {})
