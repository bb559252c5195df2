from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.adapters.pem_files import read_pem


def unusable(path: Path, why: str) -> ValueError:
    return ValueError(f"{path.name}: {why}")


def read(path: Path) -> bytes:
    return read_pem(path, most_bytes=4, what="keys", unusable=unusable)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"abcd")
    assert read(tmp_path / "key") == b"abcd"


@pytest.mark.parametrize(
    ("name", "why"), [("none", "no such file"), ("folder", "no such file"), ("large", "far larger")]
)
def test_what_cannot_be_read_is_said_in_the_callers_words(
    tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"abcde")
    with pytest.raises(ValueError, match=f"{name}: .*{why}"):
        read(tmp_path / name)
