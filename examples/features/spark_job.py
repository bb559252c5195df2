"""The same features by a Spark job: raw/orders.csv to the folder data/user_stats.parquet.

python spark_job.py          here, on one core; on a cluster: spark-submit spark_job.py
"""

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = (
    SparkSession.builder.appName("user_stats")
    .config("spark.master", "local[1]")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")  # midnights below are those of UTC
    .config("spark.sql.shuffle.partitions", "4")
    .getOrCreate()
)
orders = spark.read.csv(
    "raw/orders.csv", header=True, schema="user_id LONG, ordered_at TIMESTAMP, amount DOUBLE"
)
last = f.date_trunc("day", f.max("ordered_at"))
days = orders.select(
    f.explode(
        f.sequence(
            last - f.expr("INTERVAL 39 DAYS"),
            last + f.expr("INTERVAL 1 DAY"),
            f.expr("INTERVAL 1 DAY"),
        )
    ).alias("event_timestamp")
)
# For every user and midnight what was known then: the orders of the 30 days before it.
known = (f.col("ordered_at") >= f.col("event_timestamp") - f.expr("INTERVAL 30 DAYS")) & (
    f.col("ordered_at") < f.col("event_timestamp")
)
moments = orders.select("user_id").distinct().crossJoin(days)
of_user = f.col("of") == f.col("user_id")
stats = (
    moments.join(orders.withColumnRenamed("user_id", "of"), of_user & known, "left")
    .groupBy("user_id", "event_timestamp")
    .agg(
        f.count("ordered_at").alias("purchase_count_30d"),
        f.avg("amount").alias("avg_order_value"),
    )
)
stats.write.mode("overwrite").parquet("data/user_stats.parquet")
print("data/user_stats.parquet is written")
spark.stop()
