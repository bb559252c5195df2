import base64
import hashlib
import io
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

import seatrial
from seatrial.packaging.wheel import serving_wheel


def test_the_same_code_gives_the_same_bytes() -> None:
    assert serving_wheel() == serving_wheel.__wrapped__()


def test_every_file_of_the_package_is_in_it_and_recorded() -> None:
    root = Path(seatrial.__file__).parent
    expected = {
        f"seatrial/{path.relative_to(root).as_posix()}"
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(io.BytesIO(serving_wheel().content)) as wheel:
        names = set(wheel.namelist())
        info = next(name for name in names if name.endswith("/RECORD"))
        lines = [line.rsplit(",", 2) for line in wheel.read(info).decode().splitlines()]
        contents = {name: wheel.read(name) for name in names}

    assert expected | {n for n in names if ".dist-info/" in n} == names
    assert {path for path, _, _ in lines} == names
    for path, digest, size in lines:
        if path != info:
            hashed = base64.urlsafe_b64encode(hashlib.sha256(contents[path]).digest())
            assert digest == f"sha256={hashed.decode().rstrip('=')}"
            assert int(size) == len(contents[path])


@pytest.mark.integration
def test_pip_installs_it_and_finds_nothing_amiss(tmp_path: Path) -> None:
    wheel = serving_wheel()
    (tmp_path / wheel.filename).write_bytes(wheel.content)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    flags = ["--no-index", "--no-deps", "--find-links", str(tmp_path)]
    subprocess.run([python, "-m", "pip", "install", "-q", *flags, wheel.requirement], check=True)
    program = (
        "import seatrial, importlib.metadata as m; d = m.distribution('seatrial');"
        "print(seatrial.__file__, d.version, all(f.locate().exists() for f in d.files))"
    )
    done = subprocess.run(
        [python, "-I", "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    where, version, whole = done.stdout.split()
    assert Path(where).is_relative_to(tmp_path / "venv")
    assert version == f"{seatrial.__version__}+serving"
    assert whole == "True"
