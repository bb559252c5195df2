import pytest

from seatrial.kernel.size import show_size


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0.0 kB"),
        (1_234, "1.2 kB"),
        (99_999, "100.0 kB"),
        (100_000, "0.1 MB"),
        (5e9, "5000.0 MB"),
    ],
)
def test_a_size_is_shown_in_the_unit_that_fits(n_bytes: int, text: str) -> None:
    assert show_size(n_bytes) == text
