"""The guide to patterns of MLOps: its programs print what they say, its files are those written.

What needs Feast, MLflow and a server is run by tests/integration/test_mlops_guide.py.
"""

from __future__ import annotations

import re

import docs_blocks as docs
import pytest
import yaml

from seatrial.adapters.features import feast_scaffold
from seatrial.packaging.kubernetes import KubernetesConfig, Shipped, render
from seatrial.packaging.sizing import Measured, size
from seatrial.release.rollout import Step

GUIDES = sorted((docs.ROOT / "references").glob("mlops_production_patterns*.md"))
GUIDE = docs.ROOT / "references" / "mlops_production_patterns.md"
BLOCKS = docs.blocks(GUIDE)
PROGRAMS = [b for b in BLOCKS if b.language == "python" and not b.mark]
MEASURED = Measured(
    rss_bytes=120 << 20, cpu_per_request_s=0.004, requests_per_s=80, p95_s=0.02, start_s=4
)


@pytest.mark.parametrize("block", PROGRAMS, ids=["drift", "split"])
def test_a_program_prints_what_it_says(
    block: docs.Block, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(block.text, GUIDE.name, "exec", dont_inherit=True), {"__name__": "example"})
    said = re.search(r"((?:^# .*\n)+)\Z", block.text, re.MULTILINE)
    assert said is not None, "a program ends with what it prints"
    assert capsys.readouterr().out == re.sub("^# ", "", said[1], flags=re.MULTILINE)


def test_the_manifests_are_those_that_are_written() -> None:
    shipped = Shipped(
        name="orders-again",
        version=1,
        digest="DIGEST",
        resources=size(MEASURED),
        config=KubernetesConfig(),
        steps=(Step(share=0.05, watch_s=3600),),
    )
    texts = render(shipped, extend_s=0)
    written = {name: yaml.safe_load(text) for name, text in texts.items()}
    container, autoscaler = (yaml.safe_load(b.text) for b in BLOCKS if b.mark == "kubernetes")
    assert container == written["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    assert autoscaler == written["hpa.yaml"]


def test_the_repository_is_the_one_that_init_writes() -> None:
    (definition,) = (b.text for b in BLOCKS if b.mark == "feast")
    assert definition in feast_scaffold._DEFINITIONS


def test_the_configuration_is_that_of_the_example() -> None:
    example = yaml.safe_load((docs.ROOT / "examples" / "shop" / "seatrial.yaml").read_text("utf-8"))
    shown: dict[str, object] = {}
    for block in BLOCKS:
        if block.language == "yaml" and not block.mark:
            shown |= yaml.safe_load(block.text)
    assert {section: shown[section] for section in example} == example
