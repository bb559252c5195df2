"""Units in files: read in chunks, checked, and those of two variants left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.experiments.config import UnitColumnsConfig
from seatrial.experiments.design import Experiment, Kind, Metric, Role, Variant
from seatrial.experiments.tally import BadUnits
from seatrial.monitoring.rows.columns import NoSuchColumn
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.experiment_rows import counted, variants_in

EXPERIMENT = Experiment(
    name="button",
    variants=(Variant(name="control"), Variant(name="green")),
    metrics=(
        Metric(name="bought", kind=Kind.SHARE, role=Role.PRIMARY),
        Metric(name="revenue", covariate="before"),
        Metric(name="clicks", kind=Kind.RATIO, denominator="views"),
    ),
)
HEAD = "user,variant,at,bought,revenue,before,clicks,views,country"
ROLES = UnitColumnsConfig(time="at", unit="user", segments=("country",))


def write(folder: Path, *rows: str) -> DataConfig:
    (folder / "units.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    return DataConfig(source="units.csv")


def test_a_file_is_counted(tmp_path: Path) -> None:
    data = write(
        tmp_path,
        "1,control,2026-03-01T10:00:00,1,5.5,2,3,10,de",
        "2,green,2026-03-01T11:00:00,0,0,,0,4,fr",
        "3,green,2026-03-02T11:00:00,true,7,1,1,1,",
    )
    found = counted(EXPERIMENT, data, ROLES, folder=tmp_path)
    sums = found.tally.sums
    assert sums.n.tolist() == [[1, 1], [0, 1]]
    assert sums.metrics["bought"].y.tolist() == [[1, 0], [0, 1]]
    assert sums.metrics["revenue"].n_x.tolist() == [[1, 0], [0, 1]]
    assert sums.metrics["clicks"].x.sum() == 15
    assert set(found.tally.segments) == {("country", "de"), ("country", "fr")}
    assert found.problems == ()


def test_chunks_of_a_large_file_are_one_tally(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 150_000
    table = pa.table(
        {
            "variant": pa.array(rng.choice(["control", "green"], n)),
            "at": pa.array(
                np.datetime64("2026-03-01", "us") + rng.integers(0, 10**12, n).astype("m8[us]")
            ),
            "bought": rng.integers(0, 2, n),
            "revenue": rng.exponential(9, n),
            "before": rng.exponential(9, n),
            "clicks": rng.integers(0, 9, n),
            "views": rng.integers(1, 9, n),
        }
    )
    pq.write_table(table, tmp_path / "units.parquet")
    roles = UnitColumnsConfig(time="at")
    found = counted(EXPERIMENT, DataConfig(source="units.parquet"), roles, folder=tmp_path)
    assert found.tally.sums.n.sum() == n
    assert found.tally.sums.metrics["bought"].y.sum() == table["bought"].to_numpy().sum()
    assert len(found.tally.slices) == 12


def test_units_of_two_variants_are_left_out_and_counted(tmp_path: Path) -> None:
    data = write(
        tmp_path,
        "1,control,2026-03-01,1,5,2,3,10,de",
        "2,green,2026-03-01,1,5,2,3,10,de",
        "1,green,2026-03-01,1,5,2,3,10,de",
    )
    found = counted(EXPERIMENT, data, ROLES, folder=tmp_path).tally
    assert (found.sums.n.tolist(), found.n_crossed) == ([[0, 1]], 1)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1,control,2026-03-01,1,5,2,3,10,de", "The unit '1' has two rows"),
        (",control,2026-03-01,1,5,2,3,10,de", "Some rows have no 'user'"),
        ("2,,2026-03-01,1,5,2,3,10,de", "Some rows have no 'variant'"),
        ("2,blue,2026-03-01,1,5,2,3,10,de", "holds 'blue', no variant of 'button'"),
        ("2,green,2026-03-01,2,5,2,3,10,de", "'bought' is a share, and one of its values is 2"),
        ("2,green,2026-03-01,1,much,2,3,10,de", "1 units have no number for 'revenue'"),
        ("2,green,2026-03-01,1,5,2,3,,de", "'views', the denominator of 'clicks'"),
        ("2,green,,1,5,2,3,10,de", "1 units have no time"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path: Path, row: str, says: str) -> None:
    data = write(tmp_path, "1,control,2026-03-01,1,5,2,3,10,de", row)
    with pytest.raises(BadUnits, match=says):
        counted(EXPERIMENT, data, ROLES, folder=tmp_path)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    data = write(tmp_path, "1,control,2026-03-01,1,5,2,3,10,de")
    with pytest.raises(NoSuchColumn, match="'countri'"):
        counted(EXPERIMENT, data, UnitColumnsConfig(segments=("countri",)), folder=tmp_path)


def test_a_folder_may_hold_a_file_without_rows(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    (folder / "a.csv").write_text(f"{HEAD}\n")
    write(folder, "1,control,2026-03-01,1,5,2,3,10,de")
    data = DataConfig(source="units", format="csv")
    assert counted(EXPERIMENT, data, ROLES, folder=tmp_path).tally.sums.n.tolist() == [[1, 0]]


def test_the_variants_of_a_file(tmp_path: Path) -> None:
    data = write(
        tmp_path,
        "1,green,2026-03-01,1,5,2,3,10,de",
        "2,control,2026-03-01,1,5,2,3,10,de",
        "3,,2026-03-01,1,5,2,3,10,de",
    )
    assert variants_in(data, "variant", folder=tmp_path) == ("control", "green")


def test_a_file_without_rows_has_no_units(tmp_path: Path) -> None:
    assert counted(EXPERIMENT, write(tmp_path), ROLES, folder=tmp_path).tally.sums.n.sum() == 0
