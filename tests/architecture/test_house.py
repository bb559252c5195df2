"""The rules of the house that no other tool checks: names, sizes, exports, error codes."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import seatrial

PACKAGE = Path(seatrial.__file__).parent
ROOT = Path(__file__).parents[2]

files = sorted(PACKAGE.rglob("*.py"))
packages = sorted(PACKAGE.rglob("__init__.py"))

VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "managers"}
MAX_LINES = 420


def dotted(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).parts).removesuffix(".py")


def words(file: Path) -> set[str]:
    return {word for part in dotted(file).split(".") for word in part.strip("_").split("_")}


@pytest.mark.parametrize("file", files, ids=dotted)
def test_a_module_is_named_for_what_it_holds(file):
    assert not words(file) & VAGUE


@pytest.mark.parametrize("file", files, ids=dotted)
def test_a_module_can_be_read_in_one_go(file):
    assert len(file.read_text().splitlines()) < MAX_LINES


@pytest.mark.parametrize("init", packages, ids=lambda f: dotted(f.parent))
def test_a_package_exports_what_it_has_sorted_and_complete(init):
    package = importlib.import_module(dotted(init.parent))
    exported = getattr(package, "__all__", None)
    if exported is None:
        return
    assert list(exported) == sorted(set(exported))
    for name in exported:
        assert getattr(package, name) is not None
    own = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("seatrial")
    }
    assert own <= set(exported)


_LIST = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pages.errors import error_classes
own = [(c.__name__, vars(c).get("code"), vars(c).get("__doc__")) for c in error_classes()]
print(json.dumps(own))
"""


def in_fresh_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Importing every module here would bring the warnings of every library into these tests."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def errors() -> list[tuple[str, str | None, str | None]]:
    """Name, own code and own docstring of every error class."""
    done = in_fresh_process("-c", _LIST, ROOT / "docs")
    assert done.returncode == 0, done.stderr
    return [tuple(error) for error in json.loads(done.stdout)]


def test_every_error_has_a_code_of_its_own(errors):
    owners: dict[str, str] = {}
    for name, code, _ in errors:
        assert code, f"{name} shares the code of its parent"
        assert owners.setdefault(code, name) == name
    assert len(owners) > 15


def test_every_error_says_what_it_means(errors):
    assert [name for name, _, doc in errors if not doc] == []


def test_error_codes_are_an_area_and_a_name_in_lower_case(errors):
    for _, code, _ in errors:
        area, _, name = code.partition(".")
        assert area.isidentifier(), code
        assert name.isidentifier(), code
        assert code == code.lower()
