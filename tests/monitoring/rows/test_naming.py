from __future__ import annotations

import numpy as np

from seatrial.monitoring.rows.naming import coded, name_hash, name_of, words


def test_whole_numbers_have_one_name() -> None:
    assert [name_of(value) for value in (2, 2.0, 2.5, True, "2")] == ["2", "2", "2.5", "True", "2"]
    found = coded(np.array([2.0, np.nan, -1.0, 2.0]))
    assert found.values == ("-1", "2")
    assert found.codes.tolist() == [1, -1, 0, 1]


def test_words_of_several_scripts() -> None:
    assert words("Red wine, 2 bottles") == ["red", "wine", "2", "bottles"]
    assert words("大连 Dalian_港") == ["大", "连", "dalian", "港"]


def test_the_hash_of_a_name_never_changes() -> None:
    assert name_hash("seatrial") == int.from_bytes(bytes.fromhex("f0883d90d33f1d4c"), "little")
