"""Who ordered within a day, of users at past moments: labels.csv, the same rates with each run.

python labels.py             until ten days ago
python labels.py --moved     and the days since, in which regular customers stay away

Reads the features that `seatrial features init` made, so that there is something to learn.
"""

import argparse
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

options = argparse.ArgumentParser()
options.add_argument("--moved", action="store_true")
moved = options.parse_args().moved

chance = np.random.default_rng(7)
now = datetime.now(UTC)
stats = pd.read_parquet("features/data/user_stats.parquet").sort_values("event_timestamp")
n_rows = 12_000
ages_s = np.sort(chance.uniform(86_400, 37 * 86_400, n_rows))[::-1]
asked = pd.DataFrame(
    {
        "user_id": chance.integers(1, 101, n_rows),
        "event_timestamp": pd.to_datetime(
            [now - timedelta(seconds=int(age)) for age in ages_s], utc=True
        ).astype(stats["event_timestamp"].dtype),
    }
)
known = pd.merge_asof(asked, stats, on="event_timestamp", by="user_id")
count, value = known["purchase_count_30d"], known["avg_order_value"].fillna(0)
since = ages_s < 10 * 86_400
score = 0.35 * (count - 7) - 0.02 * (value - 35)
score = np.where(since, -score, score)
asked["orders_again"] = (chance.random(n_rows) < 1 / (1 + np.exp(-2 * score))).astype(int)
asked["event_timestamp"] = asked["event_timestamp"].dt.floor("s")
asked = asked if moved else asked[~since]
asked.to_csv("labels.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
print(f"labels.csv: {len(asked)} rows, {asked['orders_again'].mean():.0%} ordered again")
