"""Waiting predictions in a file; the port's own rules are in tests/conformance/test_pending.py."""

from pathlib import Path

import numpy as np
import pytest

from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.testing.pending_suite import scored


def test_what_waits_outlives_the_process(tmp_path: Path) -> None:
    first = SqlitePending(tmp_path / "labels.db")
    first.add(scored(("a", 1, 7), ("b", 2, 8)))
    first.set_labels(["b"], np.array([1.0]))
    first.close()
    again = SqlitePending(tmp_path / "labels.db")
    found = again.since(8)
    again.close()
    assert (found.ids, found.label.tolist()) == (("b",), [1.0])


def test_a_change_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    pending = SqlitePending(tmp_path / "labels.db")
    pending.add(scored(("a", 1, 1)))
    with pytest.raises(ValueError, match="zip"):
        pending.set_labels(["a", "b"], np.array([1.0]))
    assert np.isnan(pending.find(["a"]).label).all()
    assert pending.add(scored(("b", 1, 1))) == 1
    pending.close()
