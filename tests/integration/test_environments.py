"""When an environment is made anew: what it holds has changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import environments
import pytest

PROJECT = """
[project]
dependencies = ["click"]
[project.optional-dependencies]
sklearn = ["onnx>=1.17"]
catboost = ["seatrial[sklearn]", "catboost"]
ray = ["ray"]
"""


def wanted(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str = PROJECT) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    monkeypatch.setattr(environments, "ROOT", folder)
    return environments._wanted([["pytest>=8"], [f"{folder}[catboost]"]])


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('"ray"', '"ray>=2"', True),
        ('"catboost"]', '"catboost>=1"]', False),
        ("onnx>=1.17", "onnx>=1.18", False),
        ('"click"', '"click>=8"', False),
    ],
)
def test_it_is_made_anew_where_something_in_it_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str, same: bool
) -> None:
    before = wanted(monkeypatch, tmp_path / "a")
    after = wanted(monkeypatch, tmp_path / "a", PROJECT.replace(old, new))
    assert (before == after) is same


def test_another_checkout_finds_it_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert wanted(monkeypatch, tmp_path / "a") == wanted(monkeypatch, tmp_path / "b")
