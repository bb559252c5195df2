"""What the configuration refuses."""

from __future__ import annotations

import pytest

from seatrial.kernel.config import ConfigInvalid, validated
from seatrial.rag.loading.config import LoadingConfig


def config(**values: object) -> LoadingConfig:
    return validated(LoadingConfig, {"sources": [{"path": "docs"}]} | values, "rag_config.yaml")


def source(**values: object) -> LoadingConfig:
    return config(sources=[{"path": "docs"} | values])


def test_a_path_is_enough():
    assert config().limits.file_bytes == 100_000_000


def test_metadata_keep_their_types():
    found = source(metadata={"a": True, "b": 3, "c": 2.5, "d": "x", "e": ["x", "y"]})
    assert found.sources[0].metadata == {"a": True, "b": 3, "c": 2.5, "d": "x", "e": ("x", "y")}


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a/../b", ""])
def test_patterns_stay_inside(pattern):
    with pytest.raises(ConfigInvalid, match="inside the folder"):
        source(include=[pattern])
    with pytest.raises(ConfigInvalid, match="inside the folder"):
        source(rules=[{"files": pattern}])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"encoding": "gbq"}, "'gbq' is no encoding"),
        ({"encoding": "utf-8\0"}, "is no encoding"),
        ({"format": "word"}, "must be one of code, csv, docx"),
        ({"includes": ["*.md"]}, "did you mean 'include'"),
        ({"name": "a/b"}, "name"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"fields": {"text": []}}, "fields.text"),
        ({"fields": {"texts": ["x"]}}, "did you mean 'text'"),
        ({"metadata": {"a": {"b": 1}}}, "metadata"),
        ({"path": ""}, "path"),
        ({"readers": ["staff", " "]}, "holds an empty name"),
        ({"readers": "staff, board"}, "write a list of names"),
        ({"rules": [{"files": "*", "readers": ""}]}, "holds an empty name"),
    ],
)
def test_what_is_wrong_with_a_source_is_named(values, told):
    with pytest.raises(ConfigInvalid) as caught:
        source(**values)
    assert told in caught.value.problem


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sources": []}, "sources"),
        ({"formats": {"dat": "csv"}}, "formats"),
        ({"formats": {".dat": "excel"}}, "must be one of"),
        ({"formats": {".DAT": "csv"}}, "write '.dat'"),
        ({"limits": {"file_bytes": 0}}, "file_bytes"),
        ({"limits": {"time": "soon"}}, "is not a duration"),
        ({"access": {"default": "all"}}, "access.default"),
        ({"workers": 1000}, "workers"),
    ],
)
def test_what_is_wrong_with_the_rest_is_named(values, told):
    with pytest.raises(ConfigInvalid) as caught:
        config(**values)
    assert told in caught.value.problem
