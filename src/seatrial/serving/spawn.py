"""Starting the process that will hold a model, or another child: what it inherits, and what not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAM: Final = "seatrial.adapters.serving.model_child"
_PREFIX: Final = "seatrial-model-"
_FRESH_S: Final = 60.0
_TAIL_BYTES: Final = 1 << 13
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KEPT_NAMES: Final = "PATH LANG LANGUAGE LC_ALL LC_CTYPE TZ LD_LIBRARY_PATH PYTHONHOME VIRTUAL_ENV"
_KEPT_ENVIRONMENT: Final = frozenset(_KEPT_NAMES.split())
_THREAD_SETTINGS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",  # what n_jobs=-1 means to joblib, and n_jobs=None to LightGBM
)
_WAITING: Final = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Threads without work sleep at once: by default they spin on the core the server needs."""


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


class Spawned:
    """A process just started, and what this one holds of it. All calls return at once."""

    def __init__(
        self,
        limits: ChildLimits,
        code_paths: Sequence[Path],
        *,
        program: str = PROGRAM,
        shared: Sequence[int] = (),
    ) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._hold = _held(self._scratch)
        self._output = os.memfd_create("seatrial-model-output")
        self.channel, theirs = socket.socketpair()
        beat, self._lifeline = os.pipe()
        try:
            self._process = _popen(
                (theirs.fileno(), beat),
                shared,
                self._output,
                limits,
                program,
                env=_environment(limits.threads, code_paths, self._scratch),
            )
        except BaseException:
            self.channel.close()
            self._drop()
            raise
        finally:
            theirs.close()
            os.close(beat)
        self.pid = self._process.pid

    def open_pidfd(self) -> int:
        """A descriptor that becomes readable when the process has ended."""
        return os.pidfd_open(self.pid)

    def kill(self) -> None:
        """End the process and those it started; nothing happens once it is reaped."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        """The exit code of the ended process; below 0 for a signal. Ends what it left running."""
        self.kill()
        return self._process.wait()

    def output(self) -> str:
        """The last few thousand bytes it wrote to its output and error streams."""
        size = os.fstat(self._output).st_size
        start = max(0, size - _TAIL_BYTES)
        return os.pread(self._output, _TAIL_BYTES, start).decode("utf-8", "replace")

    def resident_bytes(self) -> int:
        """Memory in use; 0 once it has ended."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def dispose(self) -> None:
        """Reap it and remove what was held for it. Call once."""
        self.reap()
        self._drop()

    def _drop(self) -> None:
        os.close(self._lifeline)
        os.close(self._output)
        shutil.rmtree(self._scratch, ignore_errors=True)
        os.close(self._hold)


def sweep(folder: Path | None = None) -> int:
    """Remove the folders of models whose holders were killed; those in use stay.

    Args:
        folder: where such folders are made; the system's for temporary files if None.
    Returns: how many there were.
    """
    n = 0
    for path in (folder or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if (
                path.lstat().st_uid != os.geteuid()
                or time.time() - path.lstat().st_mtime < _FRESH_S
            ):
                continue  # another's, or made at this moment and not held yet
            hold = _held(path)
            shutil.rmtree(path, ignore_errors=True)
            os.close(hold)
            n += 1
    return n


def _held(folder: Path) -> int:
    """A folder that is locked for as long as this descriptor is open.   Raises: OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _popen(
    inherited: tuple[int, int],
    shared: Sequence[int],
    output: int,
    limits: ChildLimits,
    program: str,
    *,
    env: dict[str, str],
) -> subprocess.Popen[bytes]:
    data_bytes = limits.memory_bytes + limits.memory_bytes // 2
    arguments = [*map(str, inherited), str(data_bytes)]
    return subprocess.Popen(
        [sys.executable, "-P", "-X", "faulthandler", "-m", program, *arguments],
        pass_fds=(*inherited, *shared),
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
        **_WAITING,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
    }
