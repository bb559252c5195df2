"""Train on what `seatrial features training-set` wrote; writes model.pkl."""

import pickle
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

rows = pd.read_parquet("training.parquet").dropna()
inputs = ["purchase_count_30d", "avg_order_value"]
model = HistGradientBoostingClassifier(max_iter=50, random_state=7)
model.fit(rows[inputs].astype("float64"), rows["orders_again"])
Path("model.pkl").write_bytes(pickle.dumps(model))
rows[[*inputs, "orders_again"]].astype("float64").to_parquet("sample.parquet", index=False)
print(f"model.pkl: {len(rows)} rows")
