"""The names of the package's root: few, listed, typed, and loaded when they are used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import seatrial


def homes_for_type_checkers() -> dict[str, str]:
    """Where the block for type checkers imports each name from."""
    tree = ast.parse(Path(seatrial.__file__).read_text())
    return {
        alias.name: str(node.module).removeprefix("seatrial.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("seatrial.")
        for alias in node.names
    }


def test_the_root_has_few_names_sorted():
    assert seatrial.__all__ == sorted(seatrial.__all__)
    assert len(seatrial.__all__) <= 24


def test_every_name_has_a_home_and_type_checkers_know_the_same():
    assert set(seatrial._HOMES) == set(seatrial.__all__)
    assert homes_for_type_checkers() == seatrial._HOMES


@pytest.mark.parametrize("name", seatrial.__all__)
def test_a_name_of_the_root_is_the_thing_itself(name):
    module = importlib.import_module(f"seatrial.{seatrial._HOMES[name]}")
    assert getattr(seatrial, name) is getattr(module, name)
    assert name in dir(seatrial)


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="'Bundel'"):
        _ = seatrial.Bundel


def test_importing_the_root_and_listing_its_names_loads_no_module_of_it():
    program = (
        "import sys, seatrial; dir(seatrial); print([m for m in sys.modules if 'seatrial.' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(seatrial.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
