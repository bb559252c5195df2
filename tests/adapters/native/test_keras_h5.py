"""HDF5 where there is no h5py; with it, files are read in `integration/tensorflow_models`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seatrial.adapters.native.keras_h5 import configuration_of
from seatrial.registry.missing_library import MissingLibrary


def test_without_its_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingLibrary, match="net") as told:
        configuration_of(tmp_path / "net.h5")
    assert "seatrial[tensorflow]" in told.value.remedy
