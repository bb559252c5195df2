import json
from typing import Any

import pytest

from seatrial.features.completion import wanted
from seatrial.features.config import LookupConfig
from seatrial.features.online import Read, State, Stored
from seatrial.features.plan import plan_of
from seatrial.features.served import Served, from_line, served_of, to_line, with_features
from seatrial.features.view import Repository

READS = {
    "user_stats:purchase_count_30d": Read(State.PRESENT, 4, 7),
    "user_stats:avg_order_value": Read(State.MISSING, None, None),
}
SERVED = Served(at_us=100, key={"user_id": 1}, reads=READS)
FIRST = (
    '{"v": 1, "at_us": 100, "key": {"user_id": 1}, "reads": {"user_stats:purchase_count_30d": '
    '["present", 4, 7], "user_stats:avg_order_value": ["missing", null, null]}}'
)
"""As the first version wrote it."""


def test_a_line_is_read_as_it_was_written() -> None:
    assert from_line(to_line(SERVED)) == SERVED
    assert from_line(FIRST) == SERVED


@pytest.mark.parametrize(
    "line", ["", FIRST[:50], "[]", "1", '{"v": 2}', '{"v": 1}', FIRST.replace("present", "new")]
)
def test_lines_that_are_not_understood_are_left_out(line: str) -> None:
    assert from_line(line) is None


def test_what_was_found_is_kept_before_a_default_stands_in(repository: Repository) -> None:
    defaults = {"purchase_count_30d": 0, "avg_order_value": 0.0}
    plan = plan_of(LookupConfig(service="activity", defaults=defaults), repository)
    rows: list[Any] = [{"entity": {"user_id": 8}}, {"entity": {"user_id": 9}}]
    what = wanted(plan, rows)
    assert what is not None
    found = {view: {(8,): None, (9,): Stored(40, {"purchase_count_30d": 3})} for view in plan.views}
    served = served_of(plan, rows[1]["entity"], what, 1, found, now_us=50)
    assert served.key == {"user_id": 9}
    assert served.reads == {
        "user_stats:purchase_count_30d": Read(State.PRESENT, 3, 10),
        "user_stats:avg_order_value": Read(State.MISSING, None, 10),
    }
    assert json.loads(to_line(served))["at_us"] == 50


def test_rows_from_before_a_feature_was_added_are_not_compared() -> None:
    assert with_features([SERVED], list(READS)) == [SERVED]
    assert with_features([SERVED], [*READS, "user_stats:new"]) == []
