"""Writes down what the threads of a process import late, once it has more than one of them.

The interpreter runs this at its start where the folder is in PYTHONPATH.
"""

import importlib._bootstrap as bootstrap
import json
import os
import sys
import threading
from pathlib import Path

FOLDER = Path(os.environ["LATE_IMPORTS"])
_find_and_load = bootstrap._find_and_load


def find_and_load(name, import_):
    threads = threading._active
    if name not in sys.modules and len(threads) > 1:
        loading = sys.modules.get("seatrial.kernel.loading")
        thread = threads.get(threading.get_ident())
        record = {
            "thread": thread.name if thread else "other",
            "module": name,
            "in_turn": loading is not None and loading.ONE_AT_A_TIME._is_owned(),
        }
        with (FOLDER / str(os.getpid())).open("a") as file:
            file.write(json.dumps(record) + "\n")
    return _find_and_load(name, import_)


bootstrap._find_and_load = find_and_load
