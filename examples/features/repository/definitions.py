"""Features that dbt or a Spark job makes. After a change run: seatrial features apply"""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)

user_stats = FeatureView(
    name="user_stats",
    entities=[user],
    ttl=timedelta(days=2),  # one day, and another for a nightly run that is late
    schema=[
        Field(name="user_id", dtype=Int64),
        Field(name="purchase_count_30d", dtype=Int64),
        Field(name="avg_order_value", dtype=Float64),
    ],
    source=FileSource(
        name="user_stats_source",
        path="../data/user_stats.parquet",
        timestamp_field="event_timestamp",
    ),
)

user_activity = FeatureService(name="user_activity", features=[user_stats])
