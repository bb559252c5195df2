"""Write train.parquet and holdout.parquet from data that scikit-learn ships: tumours, 569 of them.

python rows.py
"""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

frame = load_breast_cancer(as_frame=True).frame
train, holdout = train_test_split(frame, test_size=200, random_state=7, stratify=frame["target"])
train.to_parquet("train.parquet", index=False)
holdout.to_parquet("holdout.parquet", index=False)
print(f"{len(train)} rows to train on, {len(holdout)} kept from it")
