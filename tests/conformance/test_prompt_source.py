"""Places where prompts are kept against the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from seatrial.adapters.prompts.folder import PromptFolder
from seatrial.testing import MemoryPrompts, PromptSourceSuite
from seatrial.testing.prompt_source_suite import MakeSource


class TestMemory(PromptSourceSuite):
    @pytest.fixture
    def make(self) -> MakeSource:
        return MemoryPrompts


class TestFolder(PromptSourceSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeSource:
        def made(texts: Mapping[str, Sequence[str]]) -> PromptFolder:
            folder = tmp_path / "prompts"
            for name, (*earlier, current) in texts.items():
                (folder / name).mkdir(parents=True)
                for i, text in enumerate(earlier):
                    (folder / name / f"{i}.md").write_text(text, encoding="utf-8")
                (folder / f"{name}.md").write_text(current, encoding="utf-8")
            return PromptFolder(folder)

        return made
