"""What of a mapped file can be given back, and that a process goes on without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seatrial.kernel.file_pages import unwritten

SMAPS = """\
5500-5600 r-xp 00000000 08:01 17                         /usr/lib/a b.so
Rss:                   4 kB
Anonymous:             {anonymous} kB
Swap:                  {swapped} kB
VmFlags: rd ex mr
5600-5700 {rights} 00001000 08:01 17                         {file}
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
"""


@pytest.mark.parametrize(
    ("other", "given_back"),
    [
        ({}, [(0x5500, 0x100), (0x5600, 0x100)]),
        ({"anonymous": 8}, [(0x5600, 0x100)]),
        ({"swapped": 4}, [(0x5600, 0x100)]),
        ({"rights": "rw-p"}, [(0x5500, 0x100)]),
        ({"rights": "r--s"}, [(0x5500, 0x100)]),
        ({"file": ""}, [(0x5500, 0x100)]),
        ({"file": "[heap]"}, [(0x5500, 0x100)]),
    ],
)
def test_only_what_was_never_written_is_given_back(other, given_back) -> None:
    usual = {"anonymous": 0, "swapped": 0, "rights": "r--p", "file": "/usr/lib/a b.so"}
    assert list(unwritten(SMAPS.format(**usual | other))) == given_back


_PROGRAM = """
import os, re
import numpy as np
from seatrial.kernel.file_pages import release_file_pages

def held():
    with open("/proc/self/smaps_rollup") as file:
        found = dict(re.findall(r"(\\w+): +(\\d+) kB", file.read()))
    return int(found["Rss"]) - int(found["Anonymous"])

before = held()
given_back = release_file_pages()
after = held()
assert given_back > 1_000_000, given_back
assert after < before / 2, (before, after)
assert np.linalg.det(np.eye(3)) == 1.0
pid = os.fork()
if not pid:
    os._exit(int(np.linalg.inv(np.eye(2)).sum() != 2.0))
assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file")
def test_a_process_goes_on_with_less() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=60)
