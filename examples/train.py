"""Train a small classifier on data that scikit-learn ships; writes model.pkl and sample.parquet.

python examples/train.py                                  model.pkl
python examples/train.py --trees 60 --out better.pkl      another version of it
"""

import argparse
import pickle
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=10)
parser.add_argument("--out", type=Path, default=Path("model.pkl"))
asked = parser.parse_args()

wine = load_wine(as_frame=True)
seen, unseen, labels, truth = train_test_split(wine.data, wine.target, random_state=7)
model = RandomForestClassifier(asked.trees, random_state=7).fit(seen, labels)

asked.out.write_bytes(pickle.dumps(model))
seen.assign(target=labels).to_parquet("sample.parquet", index=False)
print(
    f"{asked.out}: {len(seen.columns)} columns, {model.score(unseen, truth):.0%} right on new rows"
)
