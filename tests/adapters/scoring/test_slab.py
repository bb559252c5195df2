"""Memory shared with a scoring process: a piece and its answers, each side with its own view."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring.slab import Slab


@pytest.fixture
def sides() -> Iterator[tuple[Slab, Slab]]:
    here = Slab.made()
    yield here, Slab(here.fd)
    here.close()


@given(
    pieces=st.lists(
        st.tuples(st.binary(min_size=1, max_size=3_000), st.binary(max_size=3_000)), max_size=6
    )
)
def test_what_one_side_writes_the_other_reads_piece_after_piece(
    pieces: list[tuple[bytes, bytes]],
) -> None:
    here = Slab.made()
    there = Slab(here.fd)
    for content, table in pieces:
        here.put(np.frombuffer(content, np.uint8))
        assert there.piece(len(content)).tobytes() == content
        assert there.answer(len(content), np.frombuffer(table, np.uint8))
        assert here.answers(len(content), len(table)).tobytes() == table
        assert there.piece(len(content)).tobytes() == content
    here.close()


def test_it_grows_with_its_pieces(sides: tuple[Slab, Slab]) -> None:
    here, there = sides
    for n in (10, 100 << 20, 20):
        content = np.full(n, n % 251, np.uint8)
        here.put(content)
        np.testing.assert_array_equal(there.piece(n)[-10:], content[-10:])


def test_answers_without_room_are_left_to_another_way(sides: tuple[Slab, Slab]) -> None:
    here, there = sides
    here.put(np.zeros(1, np.uint8))
    there.piece(1)
    assert not there.answer(1, np.zeros(65 << 20, np.uint8))
