"""What a training function calls to say how it goes; the standard library alone.

Outside of seatrial it does nothing, so a program that reports runs as well without it.
"""

from __future__ import annotations

import json
import os

REPORT = "SEATRIAL_REPORT"
"""The variable that names the file of the reports."""


def report(*, step: int | None = None, of: int | None = None, **metrics: float) -> None:
    """Say what metrics have come to: ``report(loss=0.31, step=7, of=100)``.

    Args:
        step: of the training, >= 0; None for values of the whole run.
        of: how many steps there will be, for the progress bar.
        metrics: values by name; one that is NaN or infinite ends the run.
    """
    path = os.environ.get(REPORT)
    if not path or not metrics:
        return
    said: dict[str, object] = {"metrics": {name: float(value) for name, value in metrics.items()}}
    if step is not None:
        said["step"] = int(step)
    if of is not None:
        said["of"] = int(of)
    line = json.dumps(said).encode() + b"\n"
    # One write to a file opened for appending, so that lines of several processes stay whole.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line)
    finally:
        os.close(file)
