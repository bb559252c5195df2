"""What the processes of a server do when their supervisor is gone."""

import os
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
