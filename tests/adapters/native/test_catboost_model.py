"""CatBoost's files where CatBoost is not installed; `integration/test_catboost` has the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from seatrial.adapters.native.catboost_model import load_catboost
from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.model_file import FileFormat
from seatrial.registry.scan import scan


@pytest.mark.skipif(find_spec("catboost") is not None, reason="CatBoost is installed")
def test_a_file_is_known_and_the_extra_is_named(tmp_path: Path) -> None:
    path = tmp_path / "churn.cbm"
    path.write_bytes(b"CBM1" + b"\0" * 100)
    found = scan(path, second_opinion=lambda _: frozenset())
    assert found.format is FileFormat.CATBOOST
    assert found.modules == ("catboost",)
    with pytest.raises(MissingLibrary) as told:
        load_catboost(path)
    assert told.value.remedy == "Run: pip install 'seatrial[catboost]'"
