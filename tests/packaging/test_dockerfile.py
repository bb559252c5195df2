import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.packaging.dockerfile import COMMAND, DOCKERIGNORE, render
from seatrial.wiring.deploying import standalone

HADOLINT = Path(sys.executable).with_name("hadolint")


def rendered(**changes: object) -> str:
    given: dict[str, object] = {
        "name": "churn",
        "version": 3,
        "python": "3.11.7",
        "libraries": frozenset({"numpy"}),
        "start_s": 30,
        "latency_s": 1.5,
    }
    return render(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("libraries", [{"numpy"}, {"numpy", "lightgbm"}])
@pytest.mark.parametrize("native_memory_mib", [None, 4096])
def test_hadolint_finds_nothing(
    libraries: set[str], native_memory_mib: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(rendered(libraries=frozenset(libraries), native_memory_mib=native_memory_mib))
    done = subprocess.run([HADOLINT, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(rendered() + "RUN cd /tmp && sudo true\n")
    assert subprocess.run([HADOLINT, path], capture_output=True, check=False).returncode != 0


def test_the_image_runs_the_server_as_nobody_in_particular() -> None:
    text = rendered()
    assert "FROM python:3.11-slim\n" in text
    assert re.search(r"^USER 10001:10001$", text, re.M)
    assert re.search(r"^EXPOSE 8080$", text, re.M)
    command = re.search(r"^CMD (\[.*\])$", text, re.M)
    assert command is not None
    assert tuple(json.loads(command[1])) == COMMAND


def test_a_model_may_use_as_much_memory_in_the_image_as_on_the_server() -> None:
    name = standalone.NATIVE_MEMORY
    assert f"\n    {name}=4096\n" in rendered(native_memory_mib=4096)
    assert name not in rendered()


def test_the_health_check_outlasts_the_slowest_healthy_answer() -> None:
    text = rendered(latency_s=12.0)
    outer = re.search(r"--timeout=(\d+)s", text)
    inner = re.search(r'"--timeout-s", "(\d+)"', text)
    assert outer is not None
    assert inner is not None
    assert 12 < int(inner[1]) < int(outer[1])


def test_only_the_last_layers_depend_on_the_version() -> None:
    old, new = rendered(version=3).splitlines(), rendered(version=4).splitlines()
    first = next(i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
    assert not any(line.startswith("RUN") for line in old[first:])


def test_the_image_has_the_python_the_model_was_packaged_with() -> None:
    assert "FROM python:3.12-slim AS libraries" in rendered(python="3.12.1")
    with pytest.raises(Invalid):
        rendered(python="3.11.7\nRUN true")


def test_lightgbm_gets_the_openmp_it_counts_on() -> None:
    assert "libgomp1" in rendered(libraries=frozenset({"lightgbm"}))
    assert "libgomp1" not in rendered()


def test_all_that_is_copied_may_enter_the_build_and_nothing_else() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", rendered(), re.M)
    copied = {path.rstrip("*") for line in lines for path in line.split()}
    allowed = {line[1:] for line in DOCKERIGNORE.splitlines() if line.startswith("!")}
    assert {path.rstrip("/") for path in copied} == allowed
    assert "*" in DOCKERIGNORE.splitlines()
