"""Orders of a shop up to now, and users at past moments with whether they ordered the week after.

python make_orders.py        raw/orders.csv and raw/labels.csv, the same rates with each run
"""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

N_USERS, N_DAYS = 200, 90
chance = random.Random(7)
midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

orders = []
for user in range(1, N_USERS + 1):
    rate, value = chance.gammavariate(1.2, 0.12), chance.lognormvariate(3.5, 0.4)
    day = -N_DAYS + chance.expovariate(rate)
    while day < 0:
        moment = midnight + timedelta(days=day)
        orders.append((user, moment, round(value * chance.lognormvariate(0, 0.2), 2)))
        day += chance.expovariate(rate)

labels = []
for user in range(1, N_USERS + 1):
    for _ in range(5):
        moment = midnight - timedelta(days=chance.uniform(8, 40))
        week = [o for o in orders if o[0] == user and timedelta() < o[1] - moment < timedelta(7)]
        labels.append((user, moment, int(bool(week))))


def write(name: str, head: tuple[str, ...], rows: list[tuple]) -> None:
    file = Path("raw", name)
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as out:
        times = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for _, moment, _ in rows]
        lines = [(row[0], time, row[2]) for row, time in zip(rows, times, strict=True)]
        csv.writer(out).writerows([head, *lines])
    print(f"{file}: {len(rows)} rows")


write("orders.csv", ("user_id", "ordered_at", "amount"), orders)
write("labels.csv", ("user_id", "event_timestamp", "orders_again"), labels)
