"""A new repository for `seatrial features init`: users, from a Parquet file made with it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.adapters.features.feast_repository import SETTINGS
from seatrial.features.failures import RepositoryExists
from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_USERS = 100
N_DAYS = 40
DATA = "data/user_stats.parquet"
_SEED = 7
_PROJECT = re.compile(r"(?!sqlite)[a-z][a-z0-9_]{0,40}")

_YAML = """\
# Settings of Feast. For several machines put redis or postgres in the place of sqlite.
project: {project}
provider: local
registry: data/registry.db
online_store:
  type: sqlite
  path: data/online_store.db
offline_store:
  type: dask
entity_key_serialization_version: 3
"""

_DEFINITIONS = """\
\"\"\"What this repository defines. After a change run: seatrial features apply\"\"\"

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)

user_stats_source = FileSource(
    name="user_stats_source",
    path="data/user_stats.parquet",
    timestamp_field="event_timestamp",  # when the values became true
    created_timestamp_column="created",  # when they were written
)

user_stats = FeatureView(
    name="user_stats",
    entities=[user],
    ttl=timedelta(days=1),  # older values count neither in training nor in serving
    schema=[
        Field(name="user_id", dtype=Int64),
        Field(name="purchase_count_30d", dtype=Int64),
        Field(name="avg_order_value", dtype=Float64),
    ],
    source=user_stats_source,
)

user_activity = FeatureService(name="user_activity", features=[user_stats])
"""


def write_repository(folder: Path, *, project: str, now: datetime) -> list[Path]:
    """Write settings, definitions and sample data; the files, in that order.

    The data is purchases of 100 users, one row a user and day for forty days up to ``now``, by a
    random generator with a fixed seed: `purchase_count_30d` and `avg_order_value`.

    Raises: RepositoryExists; Invalid: a name Feast does not take, a folder that cannot be made.
    """
    if not _PROJECT.fullmatch(project):
        raise Invalid(
            f"{project[:60]!r} is no name of a project.",
            remedy="Use a-z, 0-9 and '_', such as users; not beginning with sqlite.",
            field="project",
        )
    files = [folder / SETTINGS, folder / "definitions.py", folder / DATA]
    for file in files:
        if file.exists():
            raise RepositoryExists(
                f"{file} is there already.",
                remedy="Name another folder, or take it away first.",
                file=str(file),
            )
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        files[0].write_text(_YAML.format(project=project), encoding="utf-8")
        files[1].write_text(_DEFINITIONS, encoding="utf-8")
        _write_data(files[2], now)
    except OSError as error:
        raise Invalid(
            f"The folder {folder} cannot be written ({error.strerror}).",
            remedy="Name one that this user may write.",
            field="repository",
        ) from error
    return files


def _write_data(file: Path, now: datetime) -> None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    generator = np.random.default_rng(_SEED)
    rate = generator.gamma(2.0, 0.15, N_USERS)  # purchases a day
    value = generator.lognormal(3.5, 0.4, N_USERS)  # of an order
    days = N_DAYS + 30
    bought = generator.poisson(rate[:, None], (N_USERS, days))
    spent = bought * value[:, None] * generator.lognormal(0.0, 0.2, (N_USERS, days))
    counts = _of_30_days(bought)[:, -N_DAYS:]
    sums = _of_30_days(spent)[:, -N_DAYS:]
    average = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    moments = [now - timedelta(days=N_DAYS - 1 - day, hours=1) for day in range(N_DAYS)]
    stamp = pa.timestamp("us", "UTC")
    written = [moment + timedelta(minutes=5) for moment in moments]
    table = pa.table(
        {
            "user_id": pa.array(np.repeat(np.arange(1, N_USERS + 1), N_DAYS), pa.int64()),
            "purchase_count_30d": pa.array(counts.ravel(), pa.int64()),
            "avg_order_value": pa.array(np.round(average.ravel(), 2), from_pandas=True),
            "event_timestamp": pa.array(moments * N_USERS, stamp),
            "created": pa.array(written * N_USERS, stamp),
        }
    )
    parquet.write_table(table, file)


def _of_30_days(daily: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    sums = np.cumsum(daily, axis=1)
    before = np.pad(sums, ((0, 0), (30, 0)))[:, : sums.shape[1]]
    of_30_days: NDArray[Any] = sums - before
    return of_30_days
