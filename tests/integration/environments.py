"""Virtual environments with packages that are no dependency, and suites that run in one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_UV = (sys.executable, "-m", "uv", "--quiet")


def environment(
    config: pytest.Config, name: str, *steps: Sequence[str], python: str = sys.executable
) -> Path:
    """An interpreter with packages, kept in pytest's cache from run to run.

    Args:
        steps: what is installed, one after the other.
        python: whose environment it is.
    """
    assert config.cache is not None
    folder = config.cache.mkdir(name.replace("==", "-"))
    interpreter = folder / "bin" / "python"
    done, wanted = folder / "done", _wanted(steps)
    if not done.exists() or done.read_text("utf-8") != wanted:
        subprocess.run([*_UV, "venv", "--seed", "--clear", "-p", python, str(folder)], check=True)
        for step in steps:
            _install(interpreter, step)
        done.write_text(wanted, "utf-8")
    return interpreter


def _install(interpreter: Path, packages: Sequence[str]) -> None:
    """By uv, in a tenth of pip's time.

    By pip where uv finds nothing: only pip reads pip's configuration, which may name the place of
    packages, and of a torch without the libraries of an accelerator.
    """
    by_uv = [*_UV, "pip", "install", "-p", str(interpreter), *packages]
    of_torch = any(package.startswith("torch==") for package in packages)
    if of_torch or subprocess.run(by_uv, check=False).returncode:
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *packages], check=True)


def _wanted(steps: Sequence[Sequence[str]]) -> str:
    """What an environment holds: another text, another environment.

    Of seatrial that is what it needs with the extras that are asked for; where it stands and what
    its other extras need changes nothing.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ours = [package for step in steps for package in step if str(ROOT) in package]
    known = project["optional-dependencies"] | {"": project["dependencies"]}
    needed = {name: known[name] for package in ours for name in _extras(package, known)}
    return json.dumps([steps, needed], indent=0, sort_keys=True).replace(str(ROOT), ".")


def _extras(package: str, known: Mapping[str, Sequence[str]]) -> set[str]:
    """The extras of seatrial that ``seatrial[one,two]`` installs, those they name included."""
    found = {""}
    for name in filter(None, package.partition("[")[2].rstrip("]").split(",")):
        found |= {name}
        for needed in known[name]:
            if needed.startswith("seatrial["):
                found |= _extras(needed, known)
    return found


def passes(
    python: Path, tests: Path, folder: Path, *options: str, path: Sequence[Path] = ()
) -> None:
    """Run tests by an interpreter, which has to have pytest; none may fail or be skipped.

    Args:
        folder: where they run.
        options: of pytest, further ones.
        path: what they may import besides seatrial.
    """
    command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", folder, *options]
    command += ["-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", tests]
    ran = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", *path)))},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout
