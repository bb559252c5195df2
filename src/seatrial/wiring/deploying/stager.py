"""Staging: a server from the bundle alone, and the tests against it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from seatrial.packaging.sizing import size
from seatrial.packaging.staging import HOST, Effort, Server, Subject, run_staging
from seatrial.packaging.staging_about import about
from seatrial.packaging.staging_page import FILES, page
from seatrial.packaging.staging_report import StagingReport
from seatrial.registry.bundle import Bundle
from seatrial.release.gate import Gates
from seatrial.serving.spawn import ChildLimits
from seatrial.wiring.deploying.files import measured_of

_log = logging.getLogger(__name__)

_LIMITS = ChildLimits()
_ATTEMPTS = 3
"""So often staging begins where its server is ended from outside, or for want of memory."""

_STOP_S = 10.0
_SHOWN_LINES = 3
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


def stage(
    folder: Path,
    bundle: Bundle,
    *,
    endpoint: str,
    version: int,
    gates: Gates,
    effort: Effort | None = None,
    limits: ChildLimits = _LIMITS,
    variables: Mapping[str, str] = MappingProxyType({}),
    on_test: Callable[[str], None] = lambda _: None,
) -> StagingReport:
    """Start a server from a bundle, test it, stop it, and leave the report in ``folder``.

    Where the server is ended by SIGKILL it all begins again, twice at most.

    Args:
        limits: of a native engine's process, as in production.
        variables: of the server's environment, such as where its engine elsewhere is.
    Returns: the report, also written as ``staging.txt``, ``staging.json`` and as a page in each
        language.
    Raises: BundleTampered and its kin; nothing for what the tests find.
    """
    subject = Subject(
        endpoint=endpoint,
        version=version,
        digest=bundle.digest,
        signature=bundle.signature,
        golden=bundle.golden(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--name", endpoint, "--version", str(version), "--threads", str(limits.threads)]
    options += ["--memory-mib", str(limits.memory_bytes >> 20)]
    for left in reversed(range(_ATTEMPTS)):
        with _server(bundle.path, options, variables, log=folder / "server.log") as server:
            tests = run_staging(subject, server, gates=gates, effort=effort, on_test=on_test)
            report = asyncio.run(tests)
            killed = server.ended_by() == -signal.SIGKILL
        if report.passed or not killed or not left:
            break
        _log.warning("the server of staging was ended from outside; its tests begin again")
    measured = measured_of(report)
    known = about(bundle, None if measured is None else size(measured))
    report = replace(report, about=known)
    write_report(folder, report)
    return report


@contextmanager
def _server(
    bundle: Path, options: Sequence[str], variables: Mapping[str, str], *, log: Path
) -> Iterator[Server]:
    """A server on a free port; it inherits the listening socket, so nobody can take the port."""
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES}
    environment = {**kept, **variables}
    if "PYTHONPATH" in environment:  # the server's working folder is another one
        paths = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(p).resolve()) for p in paths)
    command = [sys.executable, "-m", "seatrial", "serve-bundle", str(bundle.resolve())]
    command += [*options, "--until-eof", "--fd", str(listening.fileno())]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            pass_fds=(listening.fileno(),),
            env=environment,
            cwd=bundle,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    listening.close()
    try:
        yield Server(
            port=port,
            pid=process.pid,
            ended_by=process.poll,
            last_words=lambda: _tail(log),
        )
    finally:
        process.terminate()
        try:
            process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _tail(log: Path) -> str:
    """The last lines of a log, in one."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(lines[-_SHOWN_LINES:])


def write_report(folder: Path, report: StagingReport) -> None:
    """Leave a report in a folder: as text, as a record, and as a page in each language."""
    (folder / "staging.txt").write_text(report.as_text(), encoding="utf-8")
    for language, name in FILES.items():
        (folder / name).write_text(page(report, language), encoding="utf-8")
    record = json.dumps(report.as_dict(), ensure_ascii=False, indent=2)
    (folder / "staging.json").write_text(record + "\n", encoding="utf-8")
