from datetime import UTC, datetime, timedelta

import pytest

from seatrial.testing.clock import FakeClock


def test_time_stands_still_until_it_is_moved():
    clock = FakeClock()
    assert clock.now() == clock.now()
    assert clock.monotonic() == clock.monotonic()


def test_sleeping_moves_both_clocks_and_takes_no_time():
    clock = FakeClock()
    wall, steady = clock.now(), clock.monotonic()
    clock.sleep(3600)
    assert clock.now() - wall == timedelta(hours=1)
    assert clock.monotonic() - steady == 3600


def test_setting_the_wall_clock_back_leaves_the_monotonic_one_alone():
    clock = FakeClock()
    steady = clock.monotonic()
    clock.set_wall(datetime(1999, 1, 1, tzinfo=UTC))
    assert clock.now().year == 1999
    assert clock.monotonic() == steady


def test_a_reboot_starts_the_monotonic_clock_anew():
    clock = FakeClock()
    wall = clock.now()
    clock.reboot()
    assert (clock.monotonic(), clock.now()) == (0.0, wall)


def test_time_cannot_advance_backwards():
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)
