"""Paths as RFC 9535 writes them."""

import pytest

from seatrial.gateway.structured.problem import json_path


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), "$"),
        (("items", 2, "price"), "$.items[2].price"),
        (("a b", 0), "$['a b'][0]"),
        (("it's", "\\"), "$['it\\'s']['\\\\']"),
        (("价格",), "$['价格']"),
        (("a\n",), "$['a\n']"),
    ],
)
def test_a_path_is_written_so_that_it_can_be_read(parts, path):
    assert json_path(parts) == path
