import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import seatrial.gateway
from seatrial.gateway import _HOMES


def test_type_checkers_know_the_same_homes() -> None:
    tree = ast.parse(Path(str(seatrial.gateway.__file__)).read_text())
    told = {
        alias.name: str(node.module).removeprefix("seatrial.gateway.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("seatrial.gateway.")
        for alias in node.names
    }
    assert told == _HOMES
    assert set(_HOMES) == set(seatrial.gateway.__all__)


@pytest.mark.parametrize("name", seatrial.gateway.__all__)
def test_a_name_is_the_thing_itself(name: str) -> None:
    module = importlib.import_module(f"seatrial.gateway.{_HOMES[name]}")
    assert getattr(seatrial.gateway, name) is getattr(module, name)
    assert name in dir(seatrial.gateway)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Gatway'"):
        _ = seatrial.gateway.Gatway


def test_importing_it_loads_nothing_and_its_face_no_framework() -> None:
    program = (
        "import sys, seatrial.gateway as g; a = [m for m in sys.modules if 'gateway.' in m];"
        "g.Gateway; heavy = {'pydantic', 'aiohappyeyeballs', 'genai_prices', 'toktok', 'numpy'};"
        "print(a, heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(str(seatrial.__file__)).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] set()"
