"""Windows that are none."""

from __future__ import annotations

import pytest

from seatrial.monitoring.rows.window import BadWindow, Windows


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "None rows and None seconds"),
        ({"n_rows": 3, "every_s": 3}, "3 rows and 3 seconds"),
        ({"n_rows": 0}, "n_rows is 0"),
        ({"every_s": -1}, "every_s is -1"),
        ({"every_s": 60, "lateness_s": -1}, "lateness_s is -1"),
        ({"every_s": 60, "lateness_s": float("nan")}, "lateness_s is nan"),
        ({"every_s": 60, "time_zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"every_s": 60, "time_zone": "../etc"}, "no time zone"),
    ],
)
def test_windows_that_are_none_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadWindow, match=said):
        Windows(**options)  # type: ignore[arg-type]
