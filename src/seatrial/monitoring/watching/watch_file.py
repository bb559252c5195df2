"""The file `monitoring.yaml`: what is watched, by which reference, and where the results go.

It holds what `MonitoringConfig` holds and, for somebody who serves elsewhere, where a log lies and
what it is compared with. Without ``data`` it is about an endpoint of a server of seatrial.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.watching.config import MonitoringConfig, WindowConfig
from seatrial.monitoring.watching.data_config import DataConfig, zone_named
from seatrial.release.config import Duration

LEAST_PERFORMANCE_ROWS = 100
"""Rows of a window of performance at least."""

DEFAULT_ROWS = 1_000
"""Rows of a window of a log when nothing is said about windows."""

LATENESS_S = 300.0
"""How long a time window waits for late rows at most, unless something else is said."""

_OF_BUNDLE = re.compile(r"([A-Za-z0-9][\w.-]*)@([1-9]\d*)")


class FileWindowsConfig(WindowConfig):
    """How long a window is: of a log by ``rows`` or ``every``, of a server by the other keys."""

    rows: int | None = Field(
        default=None, ge=1, description="Rows of a window of a log; 1000 when nothing is said."
    )
    lateness: Duration | None = Field(
        default=None,
        description="How long after the end of its window a row of a log is still taken in; by "
        "default as long as the window, at most 5m.",
    )
    grace: Duration | None = Field(
        default=None,
        gt=0,
        description="A window of a log by time closes so long after its end and the lateness, by "
        "the clock, though no later row came, if nothing came for it that long; by default as long "
        "as the window, from 1m to 1h.",
    )
    time_zone: str = Field(
        default="UTC", description="Where the midnights of windows of whole days are."
    )

    _known_zone = field_validator("time_zone")(zone_named)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Replaces the check of `WindowConfig`, which is made where a server is meant."""
        if self.rows is not None and "every" in self.model_fields_set:
            raise ValueError("needs either rows or every")
        if self.every < 1 or self.every != int(self.every):
            raise ValueError("every is in whole seconds")
        return self

    @property
    def by_time(self) -> bool:
        """Whether windows of a log are cut by time."""
        return "every" in self.model_fields_set

    @property
    def grace_s(self) -> float:
        """How long a log must be quiet for a window to close without a later row."""
        return min(max(self.every, 60.0), 3600.0) if self.grace is None else self.grace

    def windows(self) -> Windows:
        """As logs are cut by."""
        if not self.by_time:
            return Windows(n_rows=self.rows or DEFAULT_ROWS)
        waits_s = min(self.every, LATENESS_S) if self.lateness is None else self.lateness
        return Windows(every_s=int(self.every), time_zone=self.time_zone, lateness_s=waits_s)


class ReferenceConfig(DataConfig):
    """What the rows are compared with: rows too, or the profile in a bundle."""

    source: str = Field(
        min_length=1,
        description="Rows, as in data.source; or NAME@VERSION for the profile that a version of "
        "the workspace was packaged with.",
    )
    holdout: bool = Field(
        default=False,
        description="Whether the model was not trained on these rows: on those it was trained on "
        "it did better than it ever will again. A bundle knows.",
    )

    @property
    def bundle(self) -> tuple[str, int] | None:
        """Name and version of the bundle that is meant, if one is."""
        found = None if self.format else _OF_BUNDLE.fullmatch(self.source)
        return (found[1], int(found[2])) if found else None


class LabelsConfig(DataConfig):
    """Where labels are that come later than the rows of the log, by prediction id."""

    source: str = Field(
        min_length=1,
        description="Rows with a prediction id and what came true, as in data.source. What is "
        "added is read at once; what is written over, once a minute.",
    )


class MonitoringFile(MonitoringConfig):
    """What is watched, by which reference, and who is told."""

    endpoint: str = Field(
        min_length=1, max_length=200, description="Name of what is watched, for alerts and pages."
    )
    version: int = Field(default=1, ge=1, description="Number of the model's version, for both.")
    data: DataConfig | None = Field(
        default=None,
        description="The log to watch; without it, an endpoint of this workspace's server is.",
    )
    reference: ReferenceConfig | None = Field(
        default=None, description="What the rows are compared with."
    )
    labels: LabelsConfig | None = Field(
        default=None, description="Labels that come later, joined by prediction id."
    )
    windows: FileWindowsConfig = Field(
        default_factory=FileWindowsConfig, description="How rows are cut into windows."
    )
    importance: dict[str, Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="How much features of a log matter to the model, such as {income: 3}: 1 is "
        "average. Of those not named it is estimated from the reference's predictions, or known "
        "from the bundle.",
    )
    poll: Duration = Field(default=5.0, gt=0, description="How often a log is looked at.")
    max_age: Duration | None = Field(
        default=None,
        gt=0,
        description="How old the newest row of a log may be, such as 2h: older is a warning, three "
        "times as old is critical. By default nobody asks.",
    )
    out: str = Field(
        default="monitoring",
        min_length=1,
        description="Folder for state, reports, metrics, rules and dashboard.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.data is None:
            return self._of_server()
        if self.reference is None:
            raise ValueError("data needs a reference: rows of the training, or NAME@VERSION")
        of_server = {"least_rows", "longest"} & self.windows.model_fields_set
        if of_server:
            raise ValueError(f"windows.{min(of_server)} is for a server, and data names a log")
        return self

    def _of_server(self) -> Self:
        for name, given in (
            ("reference", self.reference),
            ("labels", self.labels),
            ("importance", self.importance),
            ("max_age", self.max_age),
        ):
            if given:
                raise ValueError(f"{name} is for a log: name one under data")
        for name in ("rows", "lateness", "grace", "time_zone"):
            if name in self.windows.model_fields_set:
                raise ValueError(f"windows.{name} is for a log: name one under data")
        if self.windows.longest < self.windows.every:
            raise ValueError("windows.longest is shorter than windows.every")
        return self

    @property
    def performance_rows(self) -> int:
        """Predictions of a window of performance: as many as of one of drift, if that is said."""
        rows = self.windows.rows
        if "window_rows" in self.performance.model_fields_set or rows is None:
            return self.performance.window_rows
        return max(rows, LEAST_PERFORMANCE_ROWS)

    @property
    def split_by(self) -> tuple[str, ...]:
        """All columns whose values are watched apart, wherever the file names them."""
        more = self.data.columns.segments if self.data else ()
        return tuple(dict.fromkeys((*self.segments, *more)))

    @property
    def age(self) -> timedelta | None:
        """How old the newest row may be."""
        return None if self.max_age is None else timedelta(seconds=self.max_age)

    def of_server(self) -> MonitoringConfig:
        """What a server reads: its section ``monitoring``."""
        return MonitoringConfig.model_validate(
            self.model_dump(
                include=set(MonitoringConfig.model_fields),
                exclude={"windows": set(FileWindowsConfig.model_fields) - _SERVER_WINDOWS},
                exclude_unset=True,
                by_alias=True,
            )
        )


_SERVER_WINDOWS = set(WindowConfig.model_fields)
