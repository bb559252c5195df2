from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.adapters.embedding.encoder_place import encoder_folder, kept_graph


class Builds:
    def __init__(self, graph=b"graph" * 100):
        self.graph, self.n = graph, 0

    def __call__(self):
        self.n += 1
        return self.graph


def test_a_graph_is_built_once(tmp_path):
    build = Builds()
    for _ in range(3):
        assert kept_graph(tmp_path / "new", "a.graph", build) == build.graph
    assert build.n == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.graph"]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other"])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    build = Builds()
    kept_graph(tmp_path, "a", build)
    content = (tmp_path / "a").read_bytes()
    damaged = {
        "cut": content[:-1],
        "changed": content[:-1] + b"?",
        "empty": b"",
        "other": b"something else",
    }
    (tmp_path / "a").write_bytes(damaged[damage])
    assert kept_graph(tmp_path, "a", build) == build.graph
    assert build.n == 2
    assert (tmp_path / "a").read_bytes() == content


def test_where_nothing_can_be_written_the_graph_is_made_all_the_same(tmp_path):
    (tmp_path / "file").write_text("in the way")
    build = Builds()
    assert kept_graph(tmp_path / "file", "a", build) == build.graph


def test_builders_at_once_leave_one_whole_file(tmp_path):
    build = Builds()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: kept_graph(tmp_path, "a", build), range(8)))
    assert set(found) == {build.graph}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_folder_is_where_the_user_keeps_such_things(tmp_path):
    wanted = tmp_path / "seatrial/encoders"
    assert encoder_folder({"XDG_CACHE_HOME": str(tmp_path)}) == wanted
    assert encoder_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / (
        "seatrial/encoders"
    )
