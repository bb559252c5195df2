"""Whether a folder of MLflow finds here what it was logged with."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import pytest

from seatrial.adapters.native.pyfunc_needs import check_needs
from seatrial.registry.missing_library import MissingLibrary
from seatrial.serving.failures import VersionMismatch

NUMPY = metadata.version("numpy")
MINOR = ".".join(NUMPY.split(".")[:2])


def logged(folder: Path, requirements: str | None, python: str = platform.python_version()) -> Path:
    told = f"{{python_model: model.pkl, python_version: {python}}}"
    (folder / "MLmodel").write_text(f"flavors: {{python_function: {told}}}")
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    return folder


@pytest.mark.parametrize(
    "requirements",
    [
        None,
        "",
        f"numpy=={NUMPY}",
        f"numpy=={MINOR}.9999",
        "numpy>=1",
        "numpy",
        "nowhere-at-all; python_version < '3'",
        "--index-url https://x\n-r more.txt\n./wheels/mine.whl\n",
    ],
    ids=("none", "empty", "exact", "patch", "range", "any", "another python", "options"),
)
def test_what_is_here_is_accepted(tmp_path: Path, requirements: str | None) -> None:
    check_needs("churn", logged(tmp_path, requirements), any_version=False)


def test_another_version_is_tried_only_when_asked_for(tmp_path: Path) -> None:
    folder = logged(tmp_path, "numpy==1.19.5")
    with pytest.raises(VersionMismatch, match=rf"numpy==1.19.5; {NUMPY} is installed") as told:
        check_needs("churn", folder, any_version=False)
    assert "--any-version" in told.value.remedy
    check_needs("churn", folder, any_version=True)


def test_what_is_absent_is_named_whatever_was_asked_for(tmp_path: Path) -> None:
    folder = logged(tmp_path, "nowhere-at-all==3\nnumpy")
    with pytest.raises(MissingLibrary, match="nowhere-at-all==3") as told:
        check_needs("churn", folder, any_version=True)
    assert "pip install 'nowhere-at-all==3'" in told.value.remedy


def test_pickled_code_is_of_one_python(tmp_path: Path) -> None:
    folder = logged(tmp_path, "", python="3.1.4")
    with pytest.raises(VersionMismatch, match=r"code of Python 3\.1\.4"):
        check_needs("churn", folder, any_version=False)
    check_needs("churn", folder, any_version=True)
