"""What a container does, without one: the release folder alone, in a fresh virtual environment."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.packaging.files import write_files

pytestmark = pytest.mark.integration


INSTALLED = {
    "onnx": {"onnxruntime"},
    "pickled": {"picklescan", "scikit-learn", "scipy"},
}
"""The engines a bundle brings, by what answers in it."""

NEVER = {"pandas", "pyarrow", "skl2onnx", "onnx"}


@pytest.fixture(scope="module", params=sorted(INSTALLED))
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def release(engine: str, tmp_path_factory: pytest.TempPathFactory, bundles: Any) -> Path:
    """The files of a model trained on real data, moved away from where they were made."""
    made = tmp_path_factory.mktemp("made") / "release"
    write_files(made, getattr(bundles, engine)(), version=1, measured=None)
    return made.rename(tmp_path_factory.mktemp("container") / "app")


@pytest.fixture(scope="module")
def environment(release: Path) -> Path:
    """A virtual environment made as the Dockerfile makes it."""
    folder = release.parent / "venv"
    venv.create(folder)
    line = text(release).replace("\\\n", " ")
    install = re.search(r"^RUN python -m pip --python /opt/venv/bin/python (.*?) &&", line, re.M)
    assert install is not None
    words = [*install[1].split(), "-q"]
    subprocess.run([*pip_of(folder), *words], check=True, cwd=release)
    return folder


def pip_of(environment: Path) -> list[str | Path]:
    """The pip of these tests, at work on an environment that has none."""
    return [sys.executable, "-m", "pip", "--python", environment / "bin/python"]


@contextmanager
def running(release: Path, environment: Path) -> Iterator[tuple[int, Any]]:
    """The image's command on a free port of loopback, with nothing but the image's variables."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = words(release, r"^CMD (\[.*\])$")
    command = ["127.0.0.1" if w == "0.0.0.0" else w for w in command]
    command = [str(port) if w == "8080" else w for w in command]
    variables = {
        "PATH": f"{environment / 'bin'}{os.pathsep}/usr/bin:/bin",
        "HOME": str(release.parent),
        "SEATRIAL_BUNDLE": str(release / "bundle"),
        "SEATRIAL_VERSION": "1",
    }
    log = release.parent / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [environment / "bin" / command[0], *command[1:]],
            env=variables,
            cwd=release,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            yield port, process
        finally:
            process.kill()
            process.wait()


def text(release: Path) -> str:
    return (release / "Dockerfile").read_text()


def words(release: Path, pattern: str) -> list[str]:
    found = re.search(pattern, text(release), re.M)
    assert found is not None
    parsed: list[str] = json.loads(found[1])
    return parsed


def checked(release: Path, environment: Path, port: int, *more: str) -> Any:
    """The image's health check against ``port``."""
    command = words(release, r"--retries=3 CMD (\[.*\])$")
    replaced = {
        "python": str(environment / "bin/python"),
        "/app/healthcheck.py": str(release / "healthcheck.py"),
        "/app/bundle": str(release / "bundle"),
        "8080": str(port),
    }
    return subprocess.run(
        [*(replaced.get(word, word) for word in command), *more],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_serves_and_is_healthy_from_the_folder_alone(
    release: Path, environment: Path
) -> None:
    with running(release, environment) as (port, process):
        deadline = time.monotonic() + 60
        while (done := checked(release, environment, port)).returncode == 1:
            assert process.poll() is None, (release.parent / "log").read_text()
            assert time.monotonic() < deadline, done.stdout
            time.sleep(0.2)
        every_row = checked(release, environment, port, "--rows", "1000")
    assert json.loads(done.stdout)["status"] == "healthy", done.stdout
    assert json.loads(every_row.stdout)["status"] == "healthy", every_row.stdout


def test_only_the_engine_the_model_needs_is_installed(engine: str, environment: Path) -> None:
    listed = subprocess.run(
        [*pip_of(environment), "list", "--format=freeze"],
        check=True,
        capture_output=True,
        text=True,
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert {"seatrial", "uvicorn"} <= names
    for answering, libraries in INSTALLED.items():
        assert (libraries <= names) is (answering == engine)
        assert answering == engine or names.isdisjoint(libraries)
    assert names.isdisjoint(NEVER)


def test_pip_finds_the_environment_consistent(environment: Path) -> None:
    done = subprocess.run(
        [*pip_of(environment), "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
