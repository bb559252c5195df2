"""The page on A/B tests does what it says, and its design is that of the example."""

import re
import shutil
from pathlib import Path

import docs_blocks as docs
import pytest
import yaml
from test_gateway_page import Folder

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import EndpointState, start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Staged, Step, decide
from seatrial.stats.sample_size import Test, units_for_shares

PAGE = docs.ROOT / "docs" / "how-to" / "experiments.md"
EXPLANATION = docs.ROOT / "docs" / "explanation" / "experiments.md"
EXAMPLES = docs.ROOT / "examples" / "experiment"
PLAN = Plan(steps=(Step(share=1.0, watch_s=0.0),))


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "experiment")
    start = docs.Block(str(PAGE), "sh", "experiment", "exec 2>&1\n")
    commands = [block for block in docs.blocks(PAGE) if block.mark == "experiment"]
    printed = folder.run([start, *commands]).splitlines()
    told = [line for b in docs.blocks(PAGE) if b.language == "text" for line in b.text.splitlines()]
    assert len(told) > 15
    assert [line for line in told if line not in printed] == []
    assert "exit code 4" in printed
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_design_of_the_page_is_the_example() -> None:
    (block,) = (b for b in docs.blocks(PAGE) if b.language == "yaml" and b.mark != "live")
    example = yaml.safe_load((EXAMPLES / "experiment.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(block.text) == example
    assert ExperimentFile.model_validate(example).design().has_horizon


def test_the_split_is_shown_by_a_program_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (b for b in docs.blocks(PAGE) if b.language == "python")
    exec(compile(block.text, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert re.fullmatch(r"\[(('three-pages'|'one-page'|None)(, )?){3}\]\n", printed)


def test_what_early_looks_cost_is_what_the_plan_says() -> None:
    text = EXPLANATION.read_text(encoding="utf-8")
    found = [2 * units_for_shares(0.1, 0.12, test=Test(alpha=alpha)) for alpha in (0.04, 0.05)]
    assert f"({found[0]:,} users in place of {found[1]:,}" in text


def test_an_experiment_on_an_endpoint_goes_as_the_page_says(tmp_path: Path) -> None:
    two_versions(tmp_path / ".seatrial", "offers")
    of_live = [block for block in docs.blocks(PAGE) if block.mark == "live"]
    design, table = (b for b in of_live if b.language != "sh")
    (tmp_path / "live.yaml").write_text(design.text, "utf-8")
    (tmp_path / "outcomes.csv").write_text(table.text, "utf-8")
    start = docs.Block(str(PAGE), "sh", "live", "exec 2>&1\n")
    commands = [b for b in of_live if b.language == "sh"]
    printed = Folder(tmp_path).run([start, *commands])
    assert "the requests of offers are split" in printed
    assert "0 users, 2 outcomes; again 0, of nobody who met a variant 2" in printed
    assert "exit code 4" in printed
    assert "offers gives everybody the version in production" in printed


def two_versions(home: Path, name: str) -> None:
    """An endpoint with a version in production, and one that has passed staging."""
    home.mkdir()
    store = SqliteStore(home / "seatrial.db")
    endpoints = Endpoints(store)
    for version, target in ((1, "production"), (2, "staging")):
        endpoints.change(
            name,
            lambda state, version=version, target=target: start(
                state, version=version, digest=f"d{version}", target=target, plan=PLAN
            ),
        )
        endpoints.change(name, passed)
    store.close()


def passed(state: EndpointState) -> list[Draft]:
    assert state.rollout is not None
    return decide(state.rollout, Staged(passed=True, reason="fine"), stable=state.stable)
