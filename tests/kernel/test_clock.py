from datetime import timedelta

from seatrial.kernel.clock import SystemClock


def test_the_wall_clock_is_aware_and_in_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_the_monotonic_clock_does_not_go_back():
    clock = SystemClock()
    first = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= first
