"""Whoever stands back lets others go first, and what it starts does too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seatrial.kernel.priority import stand_back

_TWICE = """
import os, subprocess, sys
from seatrial.kernel.priority import stand_back
said = [os.nice(0)]
for _ in range(3):
    stand_back()
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, check=True
    )
    said += [os.nice(0), int(child.stdout)]
print(*said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there a thread alone can do so")
def test_it_goes_further_back_each_time_as_far_as_it_goes() -> None:
    done = subprocess.run([sys.executable, "-c", _TWICE], capture_output=True, check=True)
    first, *found = map(int, done.stdout.split())
    expected = [min(19, first + 10 * n) for n in (1, 2, 3) for _ in range(2)]
    assert found == expected


def test_a_system_that_refuses_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "nice", refused)
    stand_back()
