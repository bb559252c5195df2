"""What a person names as a model, as one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.registry.class_file import NoSuchClass, packed_of
from seatrial.wiring.given import model_file


def test_a_file_is_itself(tmp_path: Path) -> None:
    said: list[str] = []
    with model_file(tmp_path / "m.pkl", say=lambda *told: said.extend(told)) as file:
        assert file == tmp_path / "m.pkl"
    assert said == []


def test_a_class_is_packed_for_as_long_as_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("class Net: pass")
    said: list[str] = []
    with model_file(tmp_path / "net.py:Net", say=lambda *told: said.extend(told)) as file:
        assert packed_of(file) is not None
        assert file.name == "net.py:Net"
    assert not file.exists()
    assert said[1:] == ["folder", f"1 file of {tmp_path}, 0.0 kB"]


def test_a_class_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoSuchClass), model_file(tmp_path / "a.py:A", say=print):
        pass
