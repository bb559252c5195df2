import os
from pathlib import Path

import pytest

from seatrial.registry.signing import SignatureUnreadable
from seatrial.registry.signing_file import (
    MAX_SIGNATURE_BYTES,
    read_signature,
    signature_path,
    write_signature,
)


def test_a_signature_lies_beside_what_it_is_of() -> None:
    assert signature_path(Path("bundles/ab12")) == Path("bundles/ab12.sig")
    assert signature_path(Path("churn-3.seatrial.tar.gz")) == Path("churn-3.seatrial.tar.gz.sig")


def test_what_is_written_is_read_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.sig"
    assert read_signature(path) is None
    for content in (b"one", b"two"):
        write_signature(path, content)
        assert read_signature(path) == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.sig"]


def test_a_link_a_pipe_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_SIGNATURE_BYTES + 1)
    for name in ("link", "pipe", "folder", "huge"):
        with pytest.raises(SignatureUnreadable, match=name):
            read_signature(tmp_path / name)
