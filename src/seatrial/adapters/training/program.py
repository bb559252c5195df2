"""The child process of a training, by a Python that need not have seatrial.

It bounds itself, then becomes the command, or loads the file of a function and calls it. It imports
the standard library, modules of ours that do the same, and what the training imports. Its one
argument is a JSON file:

    {"lifeline": fd, "memory_bytes": n, "events": file, "command": [..] or null,
     "function": "file.py:name" or "module:name" or null, "values": {name: value},
     "given": {"data": .., "more_data": [..], "label": .., "seed": .., "out": .., "warm_start": ..}}

Events go, one JSON object a line, into the file ``events``:

    {"event": "environment", ...}   {"event": "bound", "parameters": {..}}
    {"event": "done", "model": path or null, "metrics": {..}}
    {"event": "failed", "kind": bad_function|bad_parameter|crashed|out_of_memory, ...}
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import platform
import random
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seatrial.adapters.training.binding import bind, load
from seatrial.adapters.training.values import Refused
from seatrial.kernel.priority import stand_back

_F_SETSIG = 10


def bound(memory_bytes: int, lifeline: int) -> None:
    """Limit memory, and have the kernel end this process group once the parent is gone.

    What is set on the lifeline belongs to the pipe, so that it holds after `exec` too.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    watch = select.poll()
    watch.register(lifeline, select.POLLIN)
    if watch.poll(0):  # the parent may have gone before the kernel was asked
        sys.exit(1)


def environment() -> dict[str, Any]:
    """This interpreter, this machine, and what is installed."""
    packages: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):  # by name: reading what they hold takes half a second
        for found in sorted(Path(folder or ".").glob("*.dist-info")):
            name, _, version = found.name.removesuffix(".dist-info").partition("-")
            packages.setdefault(name.replace("_", "-").lower(), version)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "packages": dict(sorted(packages.items())),
    }


def finished(result: Any, out: Path) -> dict[str, Any]:
    """Where the model is, and metrics that were returned with it.

    A model that is no file yet is pickled into ``out``.
    """
    metrics: dict[str, float] = {}
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
        result, returned = result
        metrics = {str(name): float(value) for name, value in returned.items()}
    elif isinstance(result, dict) and all(isinstance(v, (int, float)) for v in result.values()):
        metrics, result = {str(name): float(value) for name, value in result.items()}, None
    if result is None:
        return {"model": None, "metrics": metrics}
    if isinstance(result, (str, os.PathLike)):
        return {"model": str(Path(result).resolve()), "metrics": metrics}
    file = out / "model.pkl"
    with file.open("wb") as opened:
        pickle.dump(result, opened, protocol=pickle.HIGHEST_PROTOCOL)
    return {"model": str(file), "metrics": metrics}


def settle(seed: int | None) -> None:
    """Seed what draws by itself."""
    if seed is None:
        return
    random.seed(seed)
    try:
        import numpy as np

        np.random.seed(seed % 2**32)
    except ImportError:
        pass


def run(job: dict[str, Any], tell: Callable[..., None]) -> int:
    """Call the function; the exit code."""
    try:
        function = load(job["function"])
        arguments, parameters = bind(function, job["values"], job["given"])
        tell("bound", parameters=parameters)
        settle(job["given"].get("seed"))
        result = function(**arguments)
        tell("done", **finished(result, Path(job["given"]["out"])))
    except Refused as refused:
        tell("failed", **refused.said)
        return 1
    except MemoryError:
        traceback.print_exc()
        tell("failed", kind="out_of_memory")
        return 1
    except Exception as problem:  # noqa: BLE001 - the border to the user's own code
        traceback.print_exc()
        last = traceback.format_exception_only(type(problem), problem)[-1].strip()
        frames = traceback.extract_tb(problem.__traceback__)
        own = [f for f in frames if Path(f.filename) != Path(__file__)]
        at = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
        tell("failed", kind="crashed", last=last[:1000], at=at)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Do what the job says."""
    job = json.loads(Path(arguments[0]).read_text("utf-8"))
    stand_back()
    bound(job["memory_bytes"], job["lifeline"])
    events = Path(job["events"]).open("a", encoding="utf-8")  # noqa: SIM115 - until the end

    def tell(event: str, **said: Any) -> None:
        events.write(json.dumps({"event": event, **said}) + "\n")
        events.flush()

    tell("environment", **environment())
    if not job["command"]:
        code = run(job, tell)
        sys.stdout.flush()
        sys.stderr.flush()
        events.flush()
        os._exit(code) if code else None  # threads a library left must not keep a failure waiting
        return 0
    try:
        os.execvp(job["command"][0], job["command"])  # noqa: S606 - a list, and no shell
    except OSError as problem:
        tell(
            "failed",
            kind="bad_function",
            problem=f"The command {job['command'][0]!r} cannot be run: {problem.strerror}.",
            remedy="Name a program that is installed here.",
        )
    return 1
