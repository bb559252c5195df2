"""A child process that holds a model: its birth, its limits, its death, and calls to it.

One call is in flight at a time. A call that nobody waits for any more still runs to its end, so an
answer always belongs to the call that is next; one that runs longer than it may ends the process,
since nothing else stops native code. The process ends itself when this one is gone, however that
happened: it holds the reading end of a pipe whose closing the kernel turns into SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, cast

from seatrial.kernel.errors import SeatrialError
from seatrial.serving import frames
from seatrial.serving.failures import (
    KNOWN,
    EngineCrashed,
    EngineFailed,
    EngineOutOfMemory,
    EngineTimeout,
)

PROGRAM: Final = "seatrial.adapters.model_child"
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_READ_BYTES: Final = 1 << 22
_WATCH_S: Final = 0.25
_TAIL_BYTES: Final = 4096
_KEPT_NAMES = "PATH LANG LANGUAGE LC_ALL LC_CTYPE TZ LD_LIBRARY_PATH PYTHONHOME VIRTUAL_ENV"
_KEPT_ENVIRONMENT: Final = frozenset(_KEPT_NAMES.split())
_THREAD_SETTINGS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What a child process may use.

    Args:
        memory_bytes: resident memory; more ends it. Its private data may be half as large again.
        start_s: seconds until it answers its first call, > 0.
        call_s: seconds one call may run before the process is ended, > 0.
        threads: threads of the numeric libraries, >= 1.
    """

    memory_bytes: int = 2 << 30
    start_s: float = 30.0
    call_s: float = 60.0
    threads: int = 1


class Child:
    """A running child process. Made by `start_child`; lives on one event loop."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        limits: ChildLimits,
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        lifeline: int,
        output: int,
        scratch: Path,
    ) -> None:
        self._process = process
        self._limits = limits
        self._reader = reader
        self._writer = writer
        self._lifeline = lifeline
        self._output = output
        self._scratch = scratch
        self._turn = asyncio.Lock()
        self._ids = count(1)
        self._reason: SeatrialError | None = None
        self._running: asyncio.Task[dict[str, object]] | None = None
        self.exited = asyncio.Event()
        self.rss_bytes = 0
        self._watch = asyncio.create_task(self._await_exit())

    @property
    def pid(self) -> int:
        """The process id, also of its session and group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return not self.exited.is_set()

    async def call(
        self, op: str, arguments: Mapping[str, object] | None = None, *, timeout_s: float
    ) -> dict[str, object]:
        """One operation of the child program.

        Args:
            op: its name.
            arguments: what `frames.pack` can send.
            timeout_s: seconds the caller waits, its turn included; the call itself may run for
                ``limits.call_s``.
        Raises: EngineTimeout, EngineCrashed, EngineOutOfMemory, EngineFailed, and what the
            operation raises.
        """
        buffers = frames.pack({"id": next(self._ids), "op": op, "args": arguments or {}})
        try:
            async with asyncio.timeout(timeout_s):
                await self._turn.acquire()
                task = self._begin(op, buffers)
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise EngineTimeout(
                f"The model did not answer {op!r} within {timeout_s:g} s.",
                remedy="Allow more time, send fewer rows, or serve a faster model.",
                timeout_s=timeout_s,
            ) from error

    def _begin(self, op: str, buffers: Sequence[frames.Buffer]) -> asyncio.Task[dict[str, object]]:
        """Start an exchange that gives the turn back when it ends, whoever still waits."""
        task = asyncio.create_task(self._exchange(op, buffers))
        task.add_done_callback(self._ended)
        self._running = task
        return task

    def _ended(self, task: asyncio.Task[dict[str, object]]) -> None:
        self._turn.release()
        if not task.cancelled():
            task.exception()  # seen; the caller may be gone

    async def _exchange(self, op: str, buffers: Sequence[frames.Buffer]) -> dict[str, object]:
        if not self.alive:
            raise self.epitaph()
        try:
            self._writer.writelines(buffers)
            reply = await self._watched(op)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.kill()  # it may have closed the channel only
            await self.exited.wait()
            raise self.epitaph() from error
        except frames.BadFrame:
            self.kill()
            raise
        self.rss_bytes = int(cast("int", reply.get("rss", 0)))
        if "error" in reply:
            raise _revive(cast("dict[str, object]", reply["error"]))
        return cast("dict[str, object]", reply["ok"])

    async def _watched(self, op: str) -> dict[str, object]:
        """The reply, while time and memory are watched."""
        reading = asyncio.ensure_future(self._read())
        waited = 0.0
        while True:
            done, _ = await asyncio.wait({reading}, timeout=_WATCH_S)
            if done:
                return reading.result()
            waited += _WATCH_S
            self._check(op, waited)

    def _check(self, op: str, waited_s: float) -> None:
        if self._reason is not None:
            return
        if waited_s >= self._limits.call_s:
            self._reason = EngineTimeout(
                f"The model ran {op!r} for {waited_s:g} s and was stopped.",
                remedy="Send fewer rows, serve a faster model, or allow more time.",
                timeout_s=self._limits.call_s,
            )
            self.kill()
        elif resident_bytes(self.pid) > self._limits.memory_bytes:
            self._reason = out_of_memory(self._limits.memory_bytes)
            self.kill()

    async def _read(self) -> dict[str, object]:
        prefix = await self._reader.readexactly(frames.PREFIX.size)
        header_size, payload_size = frames.sizes(prefix)
        header = await self._reader.readexactly(header_size)
        payload = await self._reader.readexactly(payload_size)
        return frames.unpack(header, payload)

    def epitaph(self) -> SeatrialError:
        """Why the process ended, once it has."""
        if self._reason is not None:
            return copy.copy(self._reason)
        code = self._process.returncode
        how = f"with exit code {code}"
        if code is not None and code < 0:
            how = f"by {signal.Signals(-code).name}"
        return EngineCrashed(
            f"The process of the model ended {how}.",
            remedy="Test the model with the same rows; its last words are in the details.",
            exit_code=code,
            output=self.output(),
        )

    def output(self) -> str:
        """The last few thousand bytes the process wrote to its output and error streams."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._output).st_size
            start = max(0, size - _TAIL_BYTES)
            return os.pread(self._output, _TAIL_BYTES, start).decode("utf-8", "replace")
        return ""

    def kill(self) -> None:
        """End the process, and those it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _await_exit(self) -> None:
        """Notice the end of the process, whatever its cause, and reap it."""
        await asyncio.to_thread(self._process.wait)
        self.kill()  # what it started may be left
        self.exited.set()

    async def retire(self) -> None:
        """Close once the calls that wait have been answered."""
        async with self._turn:
            pass
        await self.close()

    async def close(self) -> None:
        """End the process and remove its scratch folder; a second call does nothing."""
        if self._lifeline < 0:
            return
        self.kill()
        await self.exited.wait()
        if self._running is not None:
            await asyncio.wait({self._running})
        self._writer.close()
        os.close(self._lifeline)
        os.close(self._output)
        self._lifeline = self._output = -1
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)


def out_of_memory(limit: int) -> EngineOutOfMemory:
    """The error of a model that used more than ``limit`` bytes."""
    return EngineOutOfMemory(
        f"The model used more than {limit >> 20:,} MiB of memory.",
        remedy="Send fewer rows, or allow its process more memory.",
        limit=limit,
    )


def resident_bytes(pid: int) -> int:
    """Bytes of memory the process has in use; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _revive(record: Mapping[str, object]) -> SeatrialError:
    """The error a child reported, as the class it had there; unknown ones are EngineFailed."""
    kind = KNOWN.get(str(record.get("code")), EngineFailed)
    facts = record.get("facts")
    return kind(
        str(record.get("problem")),
        remedy=str(record.get("remedy")),
        **(facts if isinstance(facts, dict) else {}),
    )


async def start_child(limits: ChildLimits, *, code_paths: Sequence[Path] = ()) -> Child:
    """Start a child process and wait until it answers.

    Args:
        limits: what it may use.
        code_paths: folders its imports may come from, besides this process's own.
    Raises: EngineTimeout, EngineCrashed.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003  the standard library's signature
    scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="seatrial-model-"))
    beat, lifeline = os.pipe()
    output = os.memfd_create("seatrial-model-output")
    try:
        process = await asyncio.to_thread(
            _spawn,
            (str(theirs.fileno()), str(beat)),
            output,
            limits,
            env=_environment(limits.threads, code_paths, scratch),
        )
    except BaseException:
        ours.close()
        os.close(lifeline)
        os.close(output)
        raise
    finally:
        theirs.close()
        os.close(beat)
    reader, writer = await asyncio.open_connection(sock=ours, limit=_READ_BYTES)
    child = Child(
        process,
        limits,
        reader=reader,
        writer=writer,
        lifeline=lifeline,
        output=output,
        scratch=scratch,
    )
    try:
        await child.call("ping", timeout_s=limits.start_s)
    except BaseException:
        await child.close()
        raise
    return child


def _spawn(
    inherited: tuple[str, str], output: int, limits: ChildLimits, *, env: dict[str, str]
) -> subprocess.Popen[bytes]:
    data_bytes = limits.memory_bytes + limits.memory_bytes // 2
    arguments = [*inherited, str(data_bytes)]
    return subprocess.Popen(
        [sys.executable, "-P", "-X", "faulthandler", "-m", PROGRAM, *arguments],
        pass_fds=[int(fd) for fd in inherited],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=env["HOME"],
        env=env,
        start_new_session=True,
    )


def _environment(threads: int, code_paths: Sequence[Path], scratch: Path) -> dict[str, str]:
    """Only what libraries need; whatever else this process was given may be a secret."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT_ENVIRONMENT}
    paths = [str(p.resolve()) for p in code_paths] + [p for p in sys.path if p]
    return {
        **kept,
        **dict.fromkeys(_THREAD_SETTINGS, str(threads)),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
    }
