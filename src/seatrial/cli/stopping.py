"""Being told to end, for commands that work until then."""

from __future__ import annotations

import signal
import threading


def told_to_stop() -> threading.Event:
    """An event that SIGTERM and SIGINT set, where this is the main thread."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop
