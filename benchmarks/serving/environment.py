"""A virtual environment per server, made on demand and kept until its requirements change."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


class SetUpFailed(Exception):
    """A server's environment could not be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A Python with a server in it."""

    python: Path

    @property
    def bin(self) -> Path:
        """Where its commands lie."""
        return self.python.parent

    def ask(self, code: str) -> str:
        """What a line of Python prints there."""
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    @property
    def site_packages(self) -> Path:
        """Where its packages lie."""
        return Path(self.ask("import sysconfig; print(sysconfig.get_path('purelib'))"))

    def versions(self, packages: tuple[str, ...]) -> dict[str, str]:
        """The installed version of each package."""
        code = (
            "import json; from importlib.metadata import version; "
            f"print(json.dumps({{p: version(p) for p in {packages!r}}}))"
        )
        return dict(json.loads(self.ask(code)))


def same(package: str) -> str:
    """A requirement for the version installed here: a pickle made here has to load there."""
    return f"{package}=={version(package)}"


def ensure(folder: Path, requirements: tuple[str, ...]) -> Environment:
    """The environment in ``folder``, made or remade when its requirements are others than before.

    Raises: SetUpFailed.
    """
    environment = Environment(python=folder / "bin" / "python")
    stamp = folder / "requirements.stamp"
    wanted = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return environment
    print(f"installing {folder.name} (once): {' '.join(requirements)}", file=sys.stderr, flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    _run([str(environment.python), "-m", "pip", "install", "-q", *requirements])
    stamp.write_text(wanted)
    return environment


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise SetUpFailed(
            f"`{' '.join(command)}` failed: {' / '.join(last)}. "
            "Check the package index, or leave this server out with --only."
        )
