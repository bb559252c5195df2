"""LangChain, LlamaIndex and DSPy over an index, and embedders, documents and models both ways, with
the real packages, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SUITES = ROOT / "tests" / "integration" / "rag_frameworks"
PINS = (
    "langchain-core==1.7.2",
    "langchain-tests==1.1.9",
    "llama-index-core==0.14.25",
    "dspy==3.4.1",
)
TRANSFORMERS = ("sentence-transformers==6.2.0", "pytest>=8.3")
PROGRAM = """
import json, sys
from pathlib import Path

import seatrial
from seatrial.adapters.frameworks.dspy import dspy_retriever
from seatrial.adapters.frameworks.langchain import from_langchain, langchain_retriever
from seatrial.adapters.frameworks.llama_index import llama_index_retriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

said = {}
with seatrial.open_knowledge(home=Path("home"), config=Path("rag_config.yaml")) as knowledge:
    chain = langchain_retriever(knowledge, k=1) | RunnableLambda(lambda found: found[0])
    one = chain.invoke("How long is the Heron?")
    said["langchain"] = [one.page_content, one.metadata["document"], one.metadata["start"]]
    nodes = llama_index_retriever(knowledge, k=2).retrieve("Who built the Kestrel?")
    said["llama_index"] = [nodes[0].node.text, nodes[0].node.start_char_idx, nodes[0].score]
    found = dspy_retriever(knowledge)("How long is the Heron?", k=1)
    said["dspy"] = [found.passages, found.citations[0]["source"]]
    made = list(from_langchain([Document("Some words.", metadata={"source": "a.pdf", "page": 3})]))
    said["documents"] = [made[0].id, made[0].source, dict(made[0].metadata)]
print(json.dumps(said))
"""


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """With the frameworks and seatrial."""
    name = "rag-frameworks-" + "-".join(PINS)
    return environment(request.config, name, PINS, [f"{ROOT}[gateway]"])


@pytest.fixture
def torch(request: pytest.FixtureRequest) -> Path:
    """With sentence-transformers, on a torch that needs no accelerator."""
    steps = (["torch==2.13.0"], TRANSFORMERS, [f"{ROOT}[rag]"])
    return environment(request.config, TRANSFORMERS[0], *steps)


def test_each_finds_what_the_index_finds_and_where_it_stands(python: Path, tmp_path: Path) -> None:
    ships = tmp_path / "ships"
    ships.mkdir()
    (ships / "heron.md").write_text("# Heron\n\nThe Heron is 12 metres long.\n", "utf-8")
    (ships / "kestrel.md").write_text("# Kestrel\n\nThe Kestrel was built by Ana.\n", "utf-8")
    config = {"documents": {"sources": [{"path": "ships"}]}, "embedding": {"kind": "none"}}
    (tmp_path / "rag_config.yaml").write_text(json.dumps(config), "utf-8")
    build = ["-m", "seatrial", "rag", "build", "--config", "rag_config.yaml", "--home", "home"]
    for command in (build, ["-c", PROGRAM]):
        ran = subprocess.run(
            [python, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    heron = "# Heron\n\nThe Heron is 12 metres long."
    assert said["langchain"] == [heron, "heron.md", 0]
    text, start, score = said["llama_index"]
    assert (text, start) == ("# Kestrel\n\nThe Kestrel was built by Ana.", 0)
    assert score > 0
    assert said["dspy"] == [[heron], "heron.md"]
    assert said["documents"] == ["a.pdf#0", "a.pdf", {"source": "a.pdf", "page": 3}]


@pytest.mark.parametrize("part", ["langchain_store", "embeddings", "dspy"])
def test_what_goes_both_ways_passes_its_tests(python: Path, tmp_path: Path, part: str) -> None:
    passes(python, SUITES / f"in_{part}.py", tmp_path, "-o", "asyncio_mode=auto")


def test_sentence_transformers_passes_the_suite_and_is_reached(torch: Path, tmp_path: Path) -> None:
    passes(torch, SUITES / "in_sentence_transformers.py", tmp_path)
