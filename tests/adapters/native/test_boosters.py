"""What both boosting libraries share: opening a file, and answers from probabilities."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from seatrial.adapters.native import boosters
from seatrial.adapters.native.boosters import of_classes, of_two_classes, open_booster
from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.model_file import CorruptModel


class Unreadable(Exception):
    """What the library of these tests raises."""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = ModuleType("boost")
    monkeypatch.setattr(boosters, "import_module", lambda _name: found)
    return found


def test_what_the_library_made_of_the_file_is_given_back(
    library: ModuleType, tmp_path: Path
) -> None:
    library.Booster = lambda model_file: ("booster", model_file)  # type: ignore[attr-defined]
    path = tmp_path / "model.txt"
    assert open_booster(path, "boost", "Boost", lambda _: Unreadable) == ("booster", str(path))


def test_a_file_it_cannot_read_is_corrupt_and_only_the_first_line_is_told(
    library: ModuleType, tmp_path: Path
) -> None:
    def refuse(model_file: str) -> None:
        raise Unreadable("bad magic\nStack trace: ...")

    library.Booster = refuse  # type: ignore[attr-defined]
    with pytest.raises(CorruptModel) as caught:
        open_booster(tmp_path / "model.txt", "boost", "Boost", lambda _: Unreadable)
    assert caught.value.problem == "Boost cannot read model.txt: bad magic."
    assert "save_model()" in caught.value.remedy


def test_a_library_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingLibrary, match="no_such_library"):
        open_booster(tmp_path / "m", "no_such_library", "None", lambda _: Unreadable)


def test_one_half_is_not_enough_for_the_second_class() -> None:
    answer = of_two_classes(np.array([0.25, 0.5, 0.75]))
    assert answer["label"].tolist() == [0, 0, 1]
    assert answer["label"].dtype == np.int64
    assert answer["probabilities"].tolist() == [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]


def test_the_likeliest_class_is_the_label_and_the_first_of_equals() -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    answer = of_classes(probabilities)
    assert answer["label"].tolist() == [1, 0]
    assert answer["probabilities"] is probabilities
