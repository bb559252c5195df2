"""Feast's side, run by the Python of its environment: times its own reads on demand.

Told by one JSON object a line on stdin: ``{"folder": repository, "keys": k, "n": n}`` times
``get_online_features`` of k entities n times, and answers milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

FEATURES = ["user_stats:purchase_count_30d", "user_stats:avg_order_value"]
N_USERS = 100


def read(store: Any, keys: int, n: int) -> dict[str, float]:
    seconds, cpu = [], time.process_time()
    for _ in range(n):
        rows = [{"user_id": random.randint(1, N_USERS)} for _ in range(keys)]
        began = time.perf_counter()
        store.get_online_features(features=FEATURES, entity_rows=rows)
        seconds.append(time.perf_counter() - began)
    cpu_ms = 1000 * (time.process_time() - cpu) / n
    seconds.sort()
    return {
        "p50_ms": 1000 * seconds[n // 2],
        "p95_ms": 1000 * seconds[n * 95 // 100],
        "cpu_ms": cpu_ms,
    }


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from feast import FeatureStore

    stores: dict[str, Any] = {}
    for line in sys.stdin:
        told = json.loads(line)
        folder = told["folder"]
        if folder not in stores:
            stores[folder] = FeatureStore(repo_path=folder)
        answers.write(json.dumps(read(stores[folder], told["keys"], told["n"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
