"""What the commands take for numbers."""

from __future__ import annotations

import pytest

from seatrial.cli.exits import Exit


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1.5", "x"])
@pytest.mark.parametrize(
    "command", [["deploy", "m.pkl", "--no-wait", "--no-up"], ["plan", "churn", "--rate", "10"]]
)
def test_a_share_that_is_no_share_is_refused_before_anything_happens(
    home, seatrial, tmp_path, command, value
) -> None:
    """`deploy --share nan` registered the version before it found that it could not begin."""
    (tmp_path / "m.pkl").write_bytes(b"")
    code, _, err = seatrial(*command, "--share", value)
    assert code == Exit.USAGE
    assert "--share" in err
    assert list(home.folder.iterdir()) == []


def test_an_endless_rate_is_refused(home, seatrial) -> None:
    code, _, err = seatrial("plan", "churn", "--rate", "inf")
    assert code == Exit.USAGE
    assert "not a finite number" in err


@pytest.mark.parametrize("value", ["town,", ",", ""])
def test_an_empty_name_of_a_segment_is_refused_before_anything_happens(
    home, seatrial, tmp_path, value
) -> None:
    (tmp_path / "m.pkl").write_bytes(b"")
    code, _, err = seatrial("deploy", "m.pkl", "--no-wait", "--no-up", "--segments", value)
    assert code == Exit.USAGE
    assert "--segments" in err
    assert list(home.folder.iterdir()) == []
