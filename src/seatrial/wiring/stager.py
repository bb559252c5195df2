"""Runs staging in the background: a server from the bundle alone, and the tests against it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.staging import HOST, Effort, Server, Subject, run_staging
from seatrial.packaging.staging_page import FILES, page
from seatrial.packaging.staging_report import StagingReport
from seatrial.registry.bundle import Bundle
from seatrial.release.gate import Gates
from seatrial.release.gate_record import gates_from_dict
from seatrial.release.rollout import Rollout, Staged
from seatrial.serving.spawn import ChildLimits

_log = logging.getLogger(__name__)

_LIMITS = ChildLimits()
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
    on_test: Callable[[str], None] = lambda _: None,
) -> StagingReport:
    """Start a server from a bundle, test it, stop it, and leave the report in ``folder``.

    Args:
        limits: of a native engine's process, as in production.
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
    with _server(bundle.path, options, log=folder / "server.log") as server:
        report = asyncio.run(
            run_staging(
                subject,
                server,
                gates=gates,
                effort=effort,
                on_test=on_test,
            )
        )
    _write(folder, report)
    return report


@contextmanager
def _server(bundle: Path, options: Sequence[str], *, log: Path) -> Iterator[Server]:
    """A server on a free port; it inherits the listening socket, so nobody can take the port."""
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES}
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
            alive=lambda: process.poll() is None,
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


def _write(folder: Path, report: StagingReport) -> None:
    (folder / "staging.txt").write_text(report.as_text(), encoding="utf-8")
    for language, name in FILES.items():
        (folder / name).write_text(page(report, language), encoding="utf-8")
    record = json.dumps(report.as_dict(), ensure_ascii=False, indent=2)
    (folder / "staging.json").write_text(record + "\n", encoding="utf-8")


@dataclass(slots=True)
class _Job:
    release: str
    thread: threading.Thread
    result: Staged | None = None


class BackgroundStager:
    """A `release.controller.Stager`: one thread per release under test.

    Args:
        bundles: folder of the bundles.
        release_folder: where the reports of a version go.
        on_test: is told which test of which endpoint begins.
        finished: called with a passed report before it is handed on, to write what depends on it.
        limits: see `stage`.
    """

    def __init__(
        self,
        bundles: Path,
        release_folder: Callable[[str, int], Path],
        *,
        on_test: Callable[[str, str], None] = lambda _endpoint, _test: None,
        finished: Callable[[Bundle, StagingReport, int], None] = lambda _b, _r, _v: None,
        effort: Effort | None = None,
        limits: ChildLimits = _LIMITS,
    ) -> None:
        self._bundles = bundles
        self._release_folder = release_folder
        self._on_test = on_test
        self._finished = finished
        self._effort = effort
        self._limits = limits
        self._jobs: dict[str, _Job] = {}

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        """See `release.controller.Stager`."""
        job = self._jobs.get(endpoint)
        if job is None or job.release != rollout.release:
            thread = threading.Thread(
                target=self._run, args=(rollout, endpoint), name=f"staging-{endpoint}", daemon=True
            )
            self._jobs[endpoint] = _Job(rollout.release, thread)
            thread.start()
            return None
        return job.result

    def close(self) -> None:
        """See `release.controller.Stager`; a test server ends when this process does."""
        self._jobs.clear()

    def _run(self, rollout: Rollout, endpoint: str) -> None:
        job = self._jobs[endpoint]
        try:
            bundle = Bundle.open(self._bundles / rollout.digest, digest=rollout.digest)
            report = stage(
                self._release_folder(endpoint, rollout.version),
                bundle,
                endpoint=endpoint,
                version=rollout.version,
                gates=gates_from_dict(rollout.plan.gates),
                effort=self._effort,
                limits=self._limits,
                on_test=lambda test: self._on_test(endpoint, test),
            )
            self._finished(bundle, report, rollout.version)
            job.result = Staged(passed=report.passed, reason=report.reason, report=report.as_dict())
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            # A release whose tests ended without a word would wait for ever.
            _log.exception("staging of %s failed", rollout.release)
            said = problem if isinstance(problem, SeatrialError) else repr(problem)
            job.result = Staged(passed=False, reason=f"staging could not run: {said}")
