import json
from pathlib import Path

import pytest

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.postgres import PostgresFeatures
from seatrial.adapters.features.redis import RedisFeatures, parsed
from seatrial.adapters.features.sqlite import SqliteFeatures
from seatrial.features.failures import (
    NotApplied,
    RepositoryInvalid,
    RepositoryMissing,
    Unsupported,
)

SNAPSHOT = {"schema": 2, "project": "shop", "views": [], "services": []}


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "feature_store.yaml").write_text(text)
    return tmp_path


def test_a_folder_without_settings_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RepositoryMissing, match=r"no .*feature_store\.yaml") as told:
        open_folder(tmp_path)
    assert "seatrial features init" in told.value.remedy


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("project: [", "no settings"),
        ("- a", "names no project"),
        ("registry: data/registry.db", "names no project"),
        ("project: shop\nentity_key_serialization_version: 2", "is not 3"),
    ],
)
def test_settings_that_make_no_sense_are_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RepositoryInvalid, match=why):
        open_folder(written(tmp_path, text))


def test_what_was_never_applied_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotApplied, match="Nothing is known") as told:
        open_folder(written(tmp_path, "project: shop")).repository()
    assert "seatrial features apply" in told.value.remedy


def test_a_snapshot_is_kept_and_told_whether_it_is_new(tmp_path: Path) -> None:
    folder = open_folder(written(tmp_path, "project: shop"))
    assert folder.keep(SNAPSHOT)
    assert not folder.keep(SNAPSHOT)
    assert folder.repository().project == "shop"
    assert json.loads((tmp_path / "seatrial_features.json").read_text()) == SNAPSHOT
    (tmp_path / "seatrial_features.json").write_text("{")
    with pytest.raises(RepositoryInvalid, match="cannot be read"):
        folder.repository()


def test_each_online_store_is_opened_by_its_type(tmp_path: Path) -> None:
    def opened(text: str) -> object:
        folder = open_folder(
            written(tmp_path, f"project: shop\n{text}"), {"REDIS": "cache:6380,password=1"}
        )
        return folder.open_online(timeout_s=1.0)

    assert isinstance(opened(""), SqliteFeatures)
    assert isinstance(opened("online_store: {type: sqlite, path: a.db}"), SqliteFeatures)
    redis = opened('online_store: {type: redis, connection_string: "${REDIS}"}')
    assert isinstance(redis, RedisFeatures)
    assert redis._where == "cache:6380"
    postgres = "{type: postgres, host: h, database: d, user: u, password: p}"
    assert isinstance(opened(f"online_store: {postgres}"), PostgresFeatures)
    with pytest.raises(RepositoryInvalid, match="has no 'database'"):
        opened("online_store: {type: postgres, host: h}")
    for text in ("{type: dynamodb}", "{type: redis, redis_type: redis_cluster}", "null"):
        with pytest.raises(Unsupported, match="is not read here"):
            opened(f"online_store: {text}")


def test_an_address_of_redis_is_read_as_feast_reads_it() -> None:
    assert parsed("h:1,db=2,ssl=true,password=a=b") == (
        "h",
        1,
        {"db": 2, "ssl": True, "password": "a=b"},
    )
    for text in ("h", "h:x", "h:1,i:2", "db=0"):
        with pytest.raises(RepositoryInvalid, match="does not name one server"):
            parsed(text)
    with pytest.raises(RepositoryInvalid, match="options that are not known"):
        RedisFeatures("h:1,colour=red", project="shop", timeout_s=1.0)
