"""Every kind of error has its exit code."""

from __future__ import annotations

import pytest

from seatrial.cli.exits import Exit, exit_of
from seatrial.kernel import errors
from seatrial.kernel.errors import SeatrialError

KINDS = {
    errors.Invalid: Exit.INVALID,
    errors.NotFound: Exit.NOT_FOUND,
    errors.Denied: Exit.DENIED,
    errors.Conflict: Exit.CONFLICT,
    errors.LimitExceeded: Exit.LIMIT,
    errors.DeadlineExceeded: Exit.UNAVAILABLE,
    errors.Unavailable: Exit.UNAVAILABLE,
    errors.MissingExtra: Exit.MISSING_EXTRA,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_leaf_exits_as_its_kind(kind: type[SeatrialError]) -> None:
    class Leaf(kind):  # type: ignore[misc, valid-type]
        code = "test.leaf"

    leaf = Leaf.__new__(Leaf)
    assert exit_of(leaf) is KINDS[kind]


def test_every_kind_is_in_the_table() -> None:
    kinds = {k for k in SeatrialError.__subclasses__() if k.__module__ == errors.__name__}
    assert kinds == set(KINDS)


def test_codes_are_distinct_and_never_those_of_click() -> None:
    values = [int(code) for code in Exit]
    assert len(set(values)) == len(values)
