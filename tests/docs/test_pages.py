"""What every page must keep: links that lead somewhere, commands and keys that exist."""

import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import click
import docs_blocks as docs
import pytest
import yaml

from seatrial.cli.app import root as command
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.config import ConfigModel
from seatrial.monitoring.alerts.config import AlertsConfig
from seatrial.monitoring.alerts.notify_config import NotifyConfig
from seatrial.monitoring.triggers.config import TriggersConfig
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.packaging.replica_prices import ReplicaPrices
from seatrial.rag.knowledge.config import KnowledgeFile
from seatrial.rag.loading.config import LoadingConfig
from seatrial.wiring.knowledge_settings import AllSettings

ROOT = docs.ROOT
PAGES = docs.pages()
BLOCKS = [block for page in PAGES for block in docs.blocks(page)]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)


class Watch(ConfigModel):
    """What `monitoring.yaml` says of alerts and what follows."""

    alerts: AlertsConfig = AlertsConfig()
    notify: NotifyConfig = NotifyConfig()
    triggers: TriggersConfig = ()


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for _, heading in _HEADING.findall(text)
    }


def links() -> list[tuple[Path, str]]:
    return [
        (page, target)
        for page in PAGES
        for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        if not target.startswith(("http://", "https://"))
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda x: str(x).removeprefix(str(ROOT)))
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.exists()
    assert there.is_relative_to(ROOT)
    if anchor:
        assert anchor in anchors(there)


@cache
def reached() -> set[Path]:
    """The files that links lead to from the front page."""
    targets = defaultdict(set)
    for page, target in links():
        targets[page].add((page.parent / target.partition("#")[0]).resolve())
    seen: set[Path] = set()
    waiting = {ROOT / "README.md"}
    while waiting:
        seen |= waiting
        waiting = {there for page in waiting for there in targets[page]} - seen
    return seen


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_can_be_reached_from_the_front_page(page):
    assert page in reached()


def test_every_mark_of_a_block_is_a_known_one():
    assert {b.mark for b in BLOCKS if b.language in ("sh", "python")} <= set(docs.MARKS)


def test_every_page_with_commands_is_in_the_journey_or_marks_them():
    plain = {b.page for b in BLOCKS if b.language == "sh" and not b.mark}
    # Translations have the commands of what they translate.
    assert {page for page in plain if not page.endswith(".zh-CN.md")} == set(docs.JOURNEY)


def seatrial_commands() -> list[tuple[str, str]]:
    """Every command line of ours in a block of shell, with its page."""
    return [
        (block.page, line[line.index("seatrial ") :].removesuffix("&").partition(" || ")[0].strip())
        for block in BLOCKS
        if block.language == "sh"
        for line in block.text.splitlines()
        if re.match(r"(\w+=\S+ )*seatrial ", line)
    ]


def parsed(words: list[str]) -> click.Context:
    """The context of a verb whose command line click accepts."""
    context = click.Context(command, info_name="seatrial")
    verb = command.get_command(context, words[0])
    assert verb is not None, f"there is no command {words[0]}"
    if isinstance(verb, click.Group):
        context, words = click.Context(verb, info_name=words[0], parent=context), words[1:]
        verb = verb.get_command(context, words[0])
        assert verb is not None, f"there is no command {words[0]}"
    return verb.make_context(words[0], words[1:], parent=context)


@pytest.mark.parametrize(("page", "line"), seatrial_commands())
def test_a_command_in_the_docs_is_one_that_exists(page, line):
    parsed(shlex.split(line)[1:])


def test_a_command_that_does_not_exist_would_be_found():
    with pytest.raises(click.UsageError):
        parsed(["deploy", "model.pkl", "--nmae", "x"])
    with pytest.raises(click.UsageError):
        parsed(["bundle", "pack", "churn", "--outptu", "x"])


@pytest.mark.parametrize(
    "block",
    [b for b in BLOCKS if b.language == "yaml" and b.mark not in ("kubernetes", "rayserve")],
    ids=lambda b: b.page,
)
def test_a_configuration_in_the_docs_is_valid(block):
    values = yaml.safe_load(block.text) or {}
    of_the_watch = values and set(values) <= set(Watch.model_fields)
    of_a_log = "endpoint" in values
    if "sources" in values:
        LoadingConfig.model_validate(values)
        return
    if "documents" in values:
        KnowledgeFile.model_validate(values)
        return
    if "currency" in values:
        ReplicaPrices.model_validate(values)
        return
    if "experiment" in values:
        ExperimentFile.model_validate(values)
        return
    (MonitoringFile if of_a_log else Watch if of_the_watch else AllSettings).model_validate(values)


@pytest.mark.parametrize(
    "block",
    [b for b in BLOCKS if b.language == "python"],
    ids=lambda b: f"{b.page} {b.mark}",
)
def test_python_in_the_docs_is_python(block):
    compile(block.text, block.page, "exec")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "docs/how-to/monitoring.md"])
def test_the_library_example_prints_what_it_says(page, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (block,) = (b for b in BLOCKS if b.page == page and b.language == "python")
    exec(compile(block.text, page, "exec"), {})
    assert capsys.readouterr().out.strip() == block.text.rpartition("# ")[2].strip()


def test_the_judge_example_prints_what_it_says():
    path = ROOT / "examples" / "judge.py"
    done = subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in path.read_text(encoding="utf-8")


def shape(page: Path) -> list[tuple[str, object]]:
    """What a translation must share: levels of headings, blocks, table rows, and link targets."""
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    english = page.name.replace(".zh-CN.md", ".md")
    chinese = english.replace(".md", ".zh-CN.md")
    numbers = [
        re.findall(r"\d(?:[\d.,]*\d)?", row) for row in re.findall(r"^\|.*\|$", prose, re.MULTILINE)
    ]
    links = [t for t in _LINK.findall(prose) if t not in (english, chinese)]
    return [
        ("headings", [len(level) for level, _ in _HEADING.findall(prose)]),
        ("blocks", [(b.language, b.mark, b.text) for b in docs.blocks(page)]),
        ("rows", numbers),
        ("output", re.findall(r"^    \S.*$|^      [✓●·].*$", prose, re.MULTILINE)),
        ("links", sorted(t.replace(".zh-CN.md", ".md") for t in links)),
        ("bullets", len(re.findall(r"^(?:-|\d\.) ", prose, re.MULTILINE))),
    ]


TRANSLATIONS = [page for page in PAGES if page.name.endswith(".zh-CN.md")]


@pytest.mark.parametrize("page", TRANSLATIONS, ids=name)
def test_a_translation_says_the_same(page):
    original = page.with_name(page.name.replace(".zh-CN.md", ".md"))
    for english, chinese in zip(shape(original), shape(page), strict=True):
        assert chinese == english


@pytest.mark.parametrize("page", TRANSLATIONS, ids=name)
def test_a_link_to_a_page_that_is_english_says_so(page):
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    unsaid = [
        target
        for target, after in re.findall(r"\]\(([^)\s]+\.md(?:#[\w-]+)?)\)(.{0,4})", text)
        if not target.partition("#")[0].endswith((".zh-CN.md", "glossary.md", "docs/README.md"))
        and target != page.name.replace(".zh-CN.md", ".md")
        and after != "（英文）"
    ]
    assert unsaid == []


def test_chinese_pages_write_percents_and_punctuation_in_chinese():
    for page in TRANSLATIONS:
        prose = re.sub(r"^    .*$", "", _CODE.sub("", page.read_text(encoding="utf-8")), flags=re.M)
        found = re.findall(r"\d %|[一-鿿][,;:?!()][一-鿿]|[一-鿿][,;:?]", prose)
        assert found == [], page.name


def test_a_word_that_the_glossary_replaced_is_gone():
    for page in TRANSLATIONS:
        text = page.read_text(encoding="utf-8")
        assert [word for word in ("转正", "门槛", "现役", "挂起") if word in text] == [], page.name


def test_the_table_of_the_front_page_is_that_of_the_judge():
    measured = (ROOT / "docs" / "explanation" / "judge.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+ %) \|(.*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == 8
    for rate, rest in rows:
        row = next(line for line in measured.splitlines() if line.startswith(f"| {rate} |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        shown = [cell.strip() for cell in rest.split("|")]
        assert shown == [*cells[1:5], cells[7]]


def test_every_verb_is_on_the_front_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [v for v in command.list_commands(click.Context(command)) if f"`{v}`" not in text] == []


def test_every_environment_variable_is_documented():
    said = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    read = set(re.findall(r'"(SEATRIAL_[A-Z]+)"', source))
    assert {"SEATRIAL_HOME", "SEATRIAL_TOKEN"} <= read
    assert {variable for variable in read if f"`{variable}`" not in said} == set()
