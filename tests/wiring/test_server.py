"""What the processes of a server do when their supervisor is gone."""

import os
import re
import subprocess
import sys
import threading

from seatrial.wiring.server import _watch


def test_a_pipe_that_a_worker_made_non_blocking_is_still_watched_to_its_end() -> None:
    """Symptom: the controller went on for ever after its supervisor was killed."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(reading, stop))
    watcher.start()
    try:
        assert not stop.wait(0.05)
        os.close(writing)
        assert stop.wait(10)
    finally:
        watcher.join()
        os.close(reading)


_LOGS = """
import logging
from seatrial.wiring.server import log_masked
log_masked()
logging.getLogger("seatrial.x").info("by %s, sk-proj-3f9a7c1e5b2d8f4a6c0e", "a@example.org")
try:
    raise ValueError("Bearer 3f9a7c1e5b2d8f4a6c0e is refused")
except ValueError:
    logging.exception("failed")
"""


def test_what_the_server_logs_has_no_secret_in_it() -> None:
    done = subprocess.run([sys.executable, "-c", _LOGS], capture_output=True, text=True, check=True)
    first, failed, *trace = done.stderr.splitlines()
    assert re.fullmatch(r"[-\d]+ [:,\d]+ INFO by \[EMAIL\], \[API_KEY\]", first)
    assert failed.endswith("ERROR failed")
    assert trace[-1] == "ValueError: Bearer [TOKEN] is refused"
