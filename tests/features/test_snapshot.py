import json
from dataclasses import replace
from typing import Any

import pytest

from seatrial.features.failures import RepositoryInvalid
from seatrial.features.snapshot import from_record, to_record
from seatrial.features.view import Origin, Repository, ValueType

FIRST: dict[str, Any] = {
    "schema": 1,
    "project": "users",
    "views": [
        {
            "name": "user_stats",
            "online_name": "user_stats",
            "join_keys": [["user_id", "int64"]],
            "features": [["purchase_count_30d", "int64"], ["tags", "string_list"]],
            "ttl_us": 86_400_000_000,
        }
    ],
    "services": [
        {
            "name": "user_activity",
            "features": ["user_stats:purchase_count_30d"],
            "unsupported": None,
        }
    ],
}
"""As the first version wrote it."""


def test_what_was_written_is_read(repository: Repository) -> None:
    assert from_record(json.loads(json.dumps(to_record(repository)))) == repository


def test_where_values_come_from_is_written_too(repository: Repository) -> None:
    origin = Origin(kind="FileSource", name="s", place="data/s.parquet", materialized_us=7)
    told = replace(repository, origins={"user_stats": origin})
    assert from_record(json.loads(json.dumps(to_record(told)))).origins == {"user_stats": origin}


def test_the_first_version_stays_readable() -> None:
    found = from_record(FIRST)
    assert found.view("user_stats").ttl_us == 86_400_000_000
    assert found.view("user_stats").feature("tags").type is ValueType.OTHER
    assert len(found.of_service("user_activity")) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 3}, "schema 3"),
        ({"schema": 2}, "KeyError"),
        ({"views": [{"name": "a"}]}, "KeyError"),
        ({"services": None}, "TypeError"),
        ({"services": [{"name": "a", "features": ["b"], "unsupported": None}]}, "TypeError"),
    ],
)
def test_what_is_not_understood_says_to_write_it_anew(change: dict[str, Any], why: str) -> None:
    with pytest.raises(RepositoryInvalid, match=why) as told:
        from_record({**FIRST, **change})
    assert "seatrial features apply" in told.value.remedy
