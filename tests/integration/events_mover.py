"""A process that moves the events of a workspace as the server's does, until it is killed.

python events_mover.py HOME CONFIG
"""

import logging
import sys
import threading
from pathlib import Path

from seatrial.wiring.events import moving
from seatrial.wiring.workspace import open_workspace

logging.basicConfig(level=logging.WARNING)
workspace = open_workspace(home=Path(sys.argv[1]), config=Path(sys.argv[2]))
store = workspace.open_store()
with moving(workspace, store, threading.Event()):
    print("moving", flush=True)
    threading.Event().wait()
