"""The commands and programs of the page on releasing prompts, run as they stand."""

import json
from pathlib import Path

import docs_blocks as docs
import pytest
from test_gateway_page import Folder

PAGE = docs.ROOT / "docs" / "how-to" / "prompt-releases.md"


@pytest.mark.integration
@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    blocks = [block for block in docs.blocks(PAGE) if block.mark == "prompts"]
    status = docs.Block(blocks[0].page, "sh", "prompts", "seatrial status support --json\n")
    printed = Folder(tmp_path).run([*blocks, status]).splitlines()
    said = [
        line.removeprefix("# ")
        for block in blocks
        if block.language == "python"
        for line in block.text.splitlines()
        if line.startswith("# ")
    ]
    assert said
    assert [line for line in said if line not in printed] == []
    assert any(line.startswith("x-seatrial-version: 1") for line in printed)
    record = json.loads("\n".join(printed[printed.index("{") :]))
    assert record["versions"]["1"]["parse_rate"] == 1.0
    assert record["versions"]["1"]["cost_usd"] > 0
    assert (record["release"]["version"], record["release"]["over"]) == (2, False)
