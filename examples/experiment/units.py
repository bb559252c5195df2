"""Write users of an invented shop to units.csv, one row each: two checkouts, one of them better."""

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

N = 13_000
START = datetime(2026, 3, 2)  # noqa: DTZ001 - times of the file are UTC


def main(path: Path) -> None:
    """Write the file."""
    rng = np.random.default_rng(7)
    one_page = rng.random(N) < 0.5
    before = rng.gamma(0.5, 30, N)
    known = rng.random(N) < 0.8  # the others are new
    bought = rng.random(N) < 0.10 + 0.025 * one_page
    spent = bought * rng.gamma(2, 20, N) + 0.6 * before
    pages = rng.poisson(6, N) + 1
    columns = {
        "user": [f"u{i}" for i in range(N)],
        "variant": np.where(one_page, "one-page", "three-pages"),
        "first_seen": [
            (START + timedelta(seconds=int(s))).isoformat()
            for s in np.sort(rng.integers(0, 10 * 86_400, N))
        ],
        "bought": bought.astype(int),
        "page_seconds": rng.gamma(1.8, 0.67, N).round(3),
        "revenue": spent.round(2),
        "revenue_before": np.where(known, before.round(2).astype(str), ""),
        "help_rate": rng.binomial(pages, 0.04),
        "pages": pages,
        "device": np.where(rng.random(N) < 0.6, "phone", "desk"),
    }
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    print(f"{N:,} users in {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "units.csv"))
