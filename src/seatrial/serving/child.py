"""A child process that holds a model: calls to it, the watch over it, and its end.

One call is in flight at a time. A call that nobody waits for any more still runs to its end, so an
answer always belongs to the call it is taken for; one that runs longer than it may ends the
process, since nothing else stops native code. The process ends itself when this one is gone,
however that happened: it holds the reading end of a pipe whose closing the kernel turns into
SIGKILL (`adapters/serving/model_child.py`).
"""

from __future__ import annotations

import asyncio
import copy
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.class_file import NoSuchClass
from seatrial.registry.compression import ModelTooLarge
from seatrial.registry.huggingface_file import FolderIncomplete, NoTextClassifier
from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.model_file import CorruptModel, NoSuchModel, UnknownFormat
from seatrial.registry.saved_model_file import NoSignature
from seatrial.registry.unsafe import LostDefinition, UnsafeModel
from seatrial.serving import frames
from seatrial.serving.channel import Channel
from seatrial.serving.failures import (
    MORE_MEMORY,
    CodeFailed,
    EngineCrashed,
    EngineFailed,
    EngineKilled,
    EngineOutOfMemory,
    EngineTimeout,
    NotAModel,
    StateDict,
    UnsupportedModel,
    VersionMismatch,
    WrongClass,
)
from seatrial.serving.spawn import PROGRAM, ChildLimits, Spawned

_WATCH_S: Final = 0.25

_FROM_OUTSIDE: Final = (-signal.SIGKILL, -signal.SIGTERM)
"""What no model does to itself by mistake."""

_KNOWN: Final[dict[str, type[SeatrialError]]] = {
    kind.code: kind
    for kind in (
        frames.BadFrame,
        CodeFailed,
        CorruptModel,
        EngineFailed,
        EngineOutOfMemory,
        FolderIncomplete,
        frames.FrameTooLarge,
        LostDefinition,
        MissingLibrary,
        ModelTooLarge,
        NoSignature,
        NoSuchClass,
        NoSuchModel,
        NoTextClassifier,
        NotAModel,
        StateDict,
        WrongClass,
        UnknownFormat,
        UnsafeModel,
        UnsupportedModel,
        VersionMismatch,
    )
}
"""What a child process may report, by code, as the error it is. Anything else counts as
EngineFailed, whatever it says: a model must not be able to call its own fault a client's."""

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,60}")


class Child:
    """A running child process. Made by `start_child`; lives on one event loop."""

    def __init__(self, process: Spawned, limits: ChildLimits) -> None:
        self._process = process
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._channel = Channel(self._heard, process.kill)
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Future[dict[str, object]] | None = None
        self._op = ""
        self._began = self._run_s = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._reason: SeatrialError | None = None
        self._exit_code: int | None = None
        self._closed = False
        self._pidfd = process.open_pidfd()
        self._loop.add_reader(self._pidfd, self._ended)
        self.exited = asyncio.Event()
        self.rss_bytes = 0

    @property
    def pid(self) -> int:
        """The process id, also of its session and group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return not self.exited.is_set()

    async def connect(self) -> None:
        """Take hold of the socket; once, before the first call."""
        self._process.channel.setblocking(False)  # noqa: FBT003  the library's signature
        await self._loop.create_connection(lambda: self._channel, sock=self._process.channel)

    async def call(
        self,
        op: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout_s: float,
        run_s: float | None = None,
    ) -> dict[str, object]:
        """One operation of the child program.

        Args:
            op: its name.
            arguments: what `frames.pack` can send.
            timeout_s: seconds the caller waits, its turn included.
            run_s: seconds the call may run before the process is ended; ``limits.call_s`` if None.
        Raises: EngineTimeout, EngineCrashed, EngineOutOfMemory, EngineFailed, and what the
            operation raises.
        """
        buffers = frames.pack({"op": op, "args": arguments or {}})
        try:
            async with asyncio.timeout(timeout_s):
                await self._turn.acquire()
                self._run_s = self._limits.call_s if run_s is None else run_s
                reply = await self._sent(op, buffers)
        except TimeoutError as error:
            raise EngineTimeout(
                f"The model did not answer {op!r} within {timeout_s:g} s.",
                remedy="Allow more time, send fewer rows, or serve a faster model.",
                timeout_s=timeout_s,
            ) from error
        if "error" in reply:
            raise revive(cast("dict[str, object]", reply["error"]))
        return cast("dict[str, object]", reply["ok"])

    def _sent(self, op: str, buffers: Sequence[frames.Buffer]) -> asyncio.Future[dict[str, object]]:
        """Send a call whose turn it is. The turn ends with the answer, whoever still waits."""
        if not self.alive:
            self._turn.release()
            raise self.epitaph()
        self._waiting = self._loop.create_future()
        self._op, self._began = op, self._loop.time()
        self._watch = self._loop.call_later(_WATCH_S, self._check)
        self._channel.send(buffers)
        return self._waiting

    def _heard(self, reply: dict[str, object]) -> None:
        self.rss_bytes = int(cast("int", reply.get("rss", 0)))
        waiting = self._take_waiting()
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        if self.rss_bytes > self._limits.memory_bytes:  # short calls end before anything looks
            self._end_for(_out_of_memory(self._limits.memory_bytes, self._op))

    def _take_waiting(self) -> asyncio.Future[dict[str, object]] | None:
        """End the turn of the call in flight, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        if self._watch is not None:
            self._watch.cancel()
        self._turn.release()
        return waiting

    def _check(self) -> None:
        """Look after a call that takes long."""
        ran_s = self._loop.time() - self._began
        if ran_s >= self._run_s:
            self._end_for(
                EngineTimeout(
                    f"The model ran {self._op!r} for {ran_s:.1f} s and was stopped.",
                    remedy="Send fewer rows, serve a faster model, or allow more time.",
                    timeout_s=self._run_s,
                )
            )
        elif self._process.resident_bytes() > self._limits.memory_bytes:
            self._end_for(_out_of_memory(self._limits.memory_bytes, self._op))
        else:
            self._watch = self._loop.call_later(_WATCH_S, self._check)

    def _end_for(self, reason: SeatrialError) -> None:
        self._reason = reason
        self._process.kill()

    def _ended(self) -> None:
        """The process has ended, whatever the cause."""
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._exit_code = self._process.reap()
        self._channel.close()
        self.exited.set()
        waiting = self._take_waiting()
        if waiting is not None and not waiting.done():
            waiting.set_exception(self.epitaph())

    def epitaph(self) -> SeatrialError:
        """Why the process ended, once it has."""
        if self._reason is not None:
            return copy.copy(self._reason)
        code = self._exit_code
        how = f"with exit code {code}"
        if code is not None and code < 0:
            how = f"by {signal.Signals(-code).name}"
        kind = EngineKilled if code in _FROM_OUTSIDE else EngineCrashed
        return kind(
            f"The process of the model ended {how}.",
            remedy="Test the model with the same rows; its last words are in the details.",
            exit_code=code,
            output="" if self._closed else self._process.output(),
        )

    def kill(self) -> None:
        """End the process, and those it started, at once."""
        self._process.kill()

    async def retire(self) -> None:
        """Close once the calls that wait have been answered."""
        async with self._turn:
            pass
        await self.close()

    async def close(self) -> None:
        """End the process and remove what was held for it; a second call does nothing."""
        self._process.kill()
        await self.exited.wait()
        if not self._closed:
            self._closed = True
            self._process.dispose()


def _out_of_memory(limit: int, op: str) -> EngineOutOfMemory:
    less = "Send fewer rows" if op == "predict" else "Make the model smaller"
    return EngineOutOfMemory(
        f"The model used more than {limit >> 20:,} MiB of memory.",
        remedy=f"{less}, or {MORE_MEMORY}.",
        limit=limit,
    )


def revive(record: Mapping[str, object]) -> SeatrialError:
    """The error a child reported, as the class it had there.

    One that is not known here is an EngineFailed with the code, the words and the facts of its own.
    """
    code = str(record.get("code"))
    kind = _KNOWN.get(code, EngineFailed)
    facts = record.get("facts")
    error = kind(
        str(record.get("problem")),
        remedy=str(record.get("remedy")),
        **(facts if isinstance(facts, dict) else {}),
    )
    if kind is EngineFailed and _CODE.fullmatch(code):
        vars(error)["code"] = code
    return error


async def start_child(
    limits: ChildLimits,
    *,
    code_paths: Sequence[Path] = (),
    program: str = PROGRAM,
    shared: Sequence[int] = (),
) -> Child:
    """Start a child process and wait until it answers.

    Args:
        limits: what it may use.
        code_paths: folders its imports may come from, besides this process's own.
        program: the module that it runs.
        shared: descriptors that it has under the same numbers.
    Raises: EngineTimeout, EngineCrashed.
    """
    # On the loop: a few milliseconds, and no thread is left with a process nobody owns when the
    # caller is cancelled.
    child = Child(Spawned(limits, code_paths, program=program, shared=shared), limits)
    try:
        await child.connect()
        await child.call("ping", timeout_s=limits.start_s, run_s=limits.start_s)
    except BaseException:
        await child.close()
        raise
    return child
