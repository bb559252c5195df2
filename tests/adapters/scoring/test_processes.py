"""What the process of a scorer says comes back in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.adapters.scoring.processes import start_process
from seatrial.registry.bundle import Bundle, BundleNotFound
from seatrial.serving.failures import EngineFailed
from seatrial.serving.spawn import ChildLimits


async def test_an_error_that_the_process_finds_keeps_its_code_its_words_and_its_facts(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(BundleNotFound) as there:
        Bundle.known(gone, digest="0" * 64)
    order = {"bundle": str(gone), "digest": "0" * 64, "reading": {}}
    with pytest.raises(EngineFailed) as here:
        await start_process(order, ChildLimits())
    assert here.value.as_dict() == there.value.as_dict()
