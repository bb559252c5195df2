"""A folder of prompts: what lies in it beside prompts, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.adapters.prompts.folder import MAX_BYTES, PromptFolder
from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.template import digest_of


def test_only_files_of_prompts_count(tmp_path: Path):
    (tmp_path / "say.md").write_text("Hi.")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a b.md").write_text("x")
    (tmp_path / "kept").mkdir()
    assert PromptFolder(tmp_path).names() == ("say",)


def test_what_is_edited_counts_at_once(tmp_path: Path):
    source = PromptFolder(tmp_path)
    (tmp_path / "say.md").write_text("Hi.")
    first = source.prompt("say")
    (tmp_path / "say.md").write_bytes(b"Hello.\r\n")
    assert source.prompt("say").version == digest_of("Hello.\n")
    assert first.messages({})[0].text == "Hi."


def test_a_kept_version_that_is_the_current_one_counts_once(tmp_path: Path):
    (tmp_path / "say").mkdir()
    for name in ("say.md", "say/a.md"):
        (tmp_path / name).write_text("Hi.")
    assert PromptFolder(tmp_path).versions("say") == (digest_of("Hi."),)


@pytest.mark.parametrize(
    ("raw", "why"), [(b"\xff", "not UTF-8"), (b"x" * (MAX_BYTES + 1), "more than")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, raw: bytes, why: str):
    (tmp_path / "say.md").write_bytes(raw)
    with pytest.raises(PromptInvalid, match=rf"say\.md .*{why}"):
        PromptFolder(tmp_path).prompt("say")
