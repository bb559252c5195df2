"""NVIDIA's own Triton server, from its wheel, on the CPU; it has the Python backend only."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_home import free_ports
from engine_journey import ready_models
from environments import environment

PACKAGES = ("nvidia-pytriton==0.7.0", "numpy<2", "onnxruntime==1.27.0")
_OF_DEBIAN = "/usr/bin/python3.11"
"""The stub of the Python backend is linked against Debian's library of Python 3.11.2."""
_START_S = 60.0


def triton_python(config: pytest.Config) -> Path:
    """An interpreter with the server, its client and what models need."""
    return environment(config, f"triton-{PACKAGES[0]}", PACKAGES, python=_OF_DEBIAN)


class Triton:
    """A server that can be killed and started again at the same address.

    Args:
        python: of `triton_python`.
        folder: for its backends and its log.
        repository: of models; loaded by its clients' word only.
    """

    def __init__(self, python: Path, folder: Path, repository: Path) -> None:
        self.repository = repository
        self.http, self.grpc = free_ports(2)
        self.log = folder / "triton.log"
        self._packages = python.parents[1] / "lib" / "python3.11" / "site-packages"
        self._backends = folder / "backends"
        self.python = python
        self._process: subprocess.Popen[bytes] | None = None
        server = self._packages / "pytriton" / "tritonserver"
        shutil.copytree(server / "backends", self._backends)
        stub = server / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"
        shutil.copy(stub, self._backends / "python")
        self._program = server / "bin" / "tritonserver"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def start(self) -> None:
        environ = {
            **os.environ,
            "LD_LIBRARY_PATH": str(self._packages / "nvidia_pytriton.libs"),
            "PYTHONPATH": str(self._packages),
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
        }
        command = [self._program, f"--model-repository={self.repository}"]
        command += [f"--backend-directory={self._backends}", "--model-control-mode=explicit"]
        command += [f"--http-port={self.http}", f"--grpc-port={self.grpc}", "--allow-metrics=false"]
        command += ["--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(command, env=environ, stdout=sink, stderr=sink)
        self._await()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def loaded(self) -> list[str]:
        """See `engine_journey.Engine`."""
        return ready_models(self.url)

    def _await(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/v2/health/live", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text("utf-8", "replace")
                assert time.monotonic() < end, self.log.read_text("utf-8", "replace")
                time.sleep(0.1)

    def close(self) -> None:
        if self._process is not None:
            self.kill()


@contextmanager
def triton(python: Path, folder: Path) -> Iterator[Triton]:
    """A running server with an empty repository."""
    repository = folder / "repository"
    repository.mkdir(parents=True)
    server = Triton(python, folder, repository)
    try:
        server.start()
        yield server
    finally:
        server.close()
