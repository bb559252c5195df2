"""A price table of one's own: what it says, and what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from seatrial.kernel.config import ConfigInvalid, ConfigMissing
from seatrial.packaging.replica_prices import read_prices
from seatrial.packaging.sizing import Resources

ONE = Resources(cpu_m=1500, memory_mib=512, start_s=30, latency_s=1.0, why="")
TABLE = "currency: 元\ncpu_core_hour: 0.2\nmemory_gib_hour: 0.03\nreplica_hour: 0.001\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_month_is_what_is_asked_for_times_its_hours(tmp_path: Path) -> None:
    table = read_prices(written(tmp_path, TABLE))
    assert table.currency == "元"
    assert table.monthly(3, ONE) == Decimal("692.04")  # 3 x 730 x (0.3 + 0.015 + 0.001)
    hours = read_prices(written(tmp_path, TABLE + "hours_per_month: 100\n"))
    assert hours.monthly(3, ONE) == Decimal("94.80")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE.replace("0.03", "-1"), "memory_gib_hour"),
        (TABLE.replace("0.03", ".nan"), "memory_gib_hour"),
        (TABLE.replace("0.2", "cheap"), "cpu_core_hour"),
        (TABLE.replace("cpu_core_hour", "cpu_core_hours"), "did you mean 'cpu_core_hour'"),
        ("currency: EUR\ncpu_core_hour: 0\nmemory_gib_hour: 0\n", "every price is 0"),
        ("", "currency"),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        read_prices(written(tmp_path, text))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing, match=r"nowhere\.yaml"):
        read_prices(tmp_path / "nowhere.yaml")
