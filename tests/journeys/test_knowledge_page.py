"""The pages of indexes in a real browser: searched and asked in English and Chinese."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from chromium import LOOKS, Visit, visited
from playwright.sync_api import Browser, Page, expect

from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Asked, Says, Step

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 90.0
DOCUMENTS = {
    "leave.md": "# Annual leave\n\nWho works here may be away for a while each year, and this page "
    "says for how long.\n\nEvery employee has 30 days of annual leave in a calendar year. Leave "
    "that is not taken by the end of March of the next year is lost.\n\n## Parental leave\n\n"
    "Parents may take parental leave for up to 14 months. They apply seven weeks before it "
    "begins.\n",
    "travel.html": "<html><head><title>&lt;script&gt;alert(1)&lt;/script&gt; Travel</title></head>"
    "<body><h1>Travel &lt;img src=x onerror=alert(2)&gt;</h1><p>Travel by train is paid in second "
    "class. &lt;script&gt;alert(3)&lt;/script&gt; Flights need the approval of a director.</p>"
    "</body></html>",
    "年假.md": "# 年假规定\n\n本页说明员工的假期。\n\n每名员工每年享有二十天带薪年假。未休的年假可"
    "以保留到次年三月底，之后作废。\n\n## 病假\n\n员工生病时须在当天上午十点前通知主管。病假超过三"
    "天须提交医生证明。\n",
    "pay.md": "---\nreaders: [hr]\n---\n# Salaries\n\nThe salary of a senior engineer is 90000 "
    "euros a year.\n",
}
QUESTIONS = (
    ("How many days of annual leave does an employee have?", "leave.md"),
    ("员工每年有多少天年假？", "年假.md"),
    ("Which class is paid for travel by train?", "travel.html"),
)
WRITTEN = (
    "Every employee has 30 days of annual leave in a calendar year [1]. "
    "Every employee gets a company car worth 40000 euros [1]."
)


@dataclass
class World:
    """A server of its own over a small corpus."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.folder / "h")]
        done = subprocess.run(
            command, check=False, cwd=self.folder, timeout=WAIT_S, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("knowledge")
    (folder / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "docs" / name).write_text(text, "utf-8")
    (folder / "questions.jsonl").write_text(
        "\n".join(json.dumps({"question": q, "documents": [d]}) for q, d in QUESTIONS), "utf-8"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def decide(asked: Asked) -> Step:
        return Says(text=WRITTEN)

    with ScriptedLLM(decide).in_thread() as llm:
        index = {"documents": {"sources": [{"path": "docs"}]}, "embedding": {"kind": "none"}}
        provider = {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"}
        (folder / "seatrial.yaml").write_text(
            yaml.safe_dump(
                {
                    "server": {"port": port, "workers": 1},
                    "gateway": {
                        "providers": {"openai": provider},
                        "models": {"small": ["openai/gpt-4o-mini"]},
                    },
                    "knowledge": {
                        "handbook": index,
                        "unbuilt": index,
                        "written": index | {"answering": {"model": "small"}},
                    },
                }
            )
        )
        made = World(folder, port)
        made.run("rag", "build", "--index", "handbook")
        made.run("rag", "build", "--index", "written")
        evaluation = ("rag", "eval", "questions.jsonl", "--index", "handbook")
        made.run(*evaluation)
        more = folder / "docs" / "leave.md"
        more.write_text(more.read_text("utf-8") + "\nApply in the portal.\n", "utf-8")
        made.run("rag", "build", "--index", "handbook")
        made.run(*evaluation)
        made.run(*evaluation, "--answers")
        made.run("up", "--detach")
        try:
            yield made
        finally:
            made.run("down")


def asked(page: Page, question: str, *, readers: str = "") -> None:
    page.locator("[name=question]").fill(question)
    page.locator("[name=readers]").fill(readers)


def marks(page: Page) -> list[str]:
    return page.locator("#found mark").all_inner_texts()


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_found_and_answered_is_marked(world: World, browser: Browser, look: str) -> None:
    with visited(browser, LOOKS[look]) as visit:
        page, zh = visit.page, "zh" in look
        page.goto(f"{world.address}/knowledge/handbook")
        question, source = QUESTIONS[1] if zh else QUESTIONS[0]
        asked(page, question)
        page.locator("[name=question]").press("Enter")
        first = page.locator(".passages > li").first
        expect(first).to_contain_text(source)
        assert "年假" in "".join(marks(page)) if zh else {"annual", "leave"} <= set(marks(page))
        assert visit.fits()
        visit.shoot(f"knowledge-search-{look}")
        page.locator("#ask").click()
        cited = page.locator(".answer a.cite")
        expect(cited).to_have_text("[1]")
        said = (
            "每名员工每年享有二十天带薪年假。"
            if zh
            else ("Every employee has 30 days of annual leave in a calendar year.")
        )
        expect(page.locator("#cite-1 mark")).to_have_text(said)
        around = page.locator("#cite-1 blockquote")
        expect(around).to_contain_text("未休的年假" if zh else "Leave that is not taken")
        expect(around).to_contain_text("本页说明" if zh else "says for how long")
        cited.click()
        expect(page.locator("#cite-1")).to_be_in_viewport()
        assert page.url.endswith("#cite-1")
        expect(page.locator("#evaluations .ranking circle")).to_have_count(4)
        assert visit.fits()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(paper.removeprefix("rgb(").split(",")[0]) < 60) is ("dark" in look)
        visit.shoot(f"knowledge-answer-{look}")
        page.goto(f"{world.address}/knowledge")
        expect(page.locator(".card")).to_have_count(3)
        expect(page.locator(".card pre")).to_have_text("seatrial rag build --index unbuilt")
        assert visit.fits()
        visit.shoot(f"knowledge-list-{look}")
        visit.check()


def test_scripts_in_documents_are_text(world: World, visit: Visit) -> None:
    page = visit.page
    dialogs: list[str] = []
    page.on("dialog", lambda one: dialogs.append(one.message))
    page.goto(f"{world.address}/knowledge/handbook")
    asked(page, QUESTIONS[2][0])
    for button in ("#search", "#ask"):
        page.locator(button).click()
        expect(page.locator("#found")).to_contain_text("<script>alert(1)</script>")
        expect(page.locator("#found .origin").first).to_contain_text("<img src=x onerror=")
        assert page.locator("#found script, #found img").count() == 0
    assert dialogs == []
    visit.check()


def test_only_readers_find_what_is_theirs(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{world.address}/knowledge/handbook")
    asked(page, "salary of a senior engineer")
    page.locator("#ask").click()
    expect(page.locator("#found .badge.held")).to_have_text("no answer")
    visit.shoot("knowledge-refused")
    asked(page, "salary of a senior engineer", readers="staff, hr")
    page.locator("#search").click()
    expect(page.locator(".passages > li").first).to_contain_text("90000 euros")
    visit.check()


def test_what_is_not_supported_is_withheld_with_its_reason(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{world.address}/knowledge/written")
    asked(page, QUESTIONS[0][0])
    page.locator("#ask").click()
    expect(page.locator(".answer")).to_contain_text("30 days of annual leave")
    expect(page.locator(".answer")).not_to_contain_text("car")
    expect(page.locator(".withheld")).to_contain_text("company car worth 40000 euros")
    visit.shoot("knowledge-withheld")
    visit.check()


def test_what_was_found_stays_when_the_language_changes(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{world.address}/knowledge/handbook")
    asked(page, "salary of a senior engineer", readers="hr")
    page.locator("#search").click()
    expect(page.locator(".passages > li").first).to_contain_text("90000 euros")
    visit.reload_as("zh")
    expect(page.locator("#found h2")).to_contain_text("个段落")
    expect(page.locator("[name=readers]")).to_have_value("hr")
    expect(page.locator(".passages > li").first).to_contain_text("90000 euros")
    page.locator("#ask").click()
    expect(page.locator(".reply h2")).to_contain_text("回答")
    visit.reload_as("en")
    expect(page.locator(".reply h2")).to_contain_text("Answer")
    page.goto(f"{world.address}/knowledge/handbook")
    expect(page.locator("#index")).to_contain_text("live")
    assert page.locator("#found > *").count() == 0
    visit.check()


def test_what_a_model_wrote_is_not_paid_for_again(world: World, visit: Visit) -> None:
    page = visit.page
    posts: list[str] = []
    page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
    page.goto(f"{world.address}/knowledge/written")
    asked(page, QUESTIONS[0][0])
    page.locator("#ask").click()
    expect(page.locator(".answer")).to_contain_text("30 days of annual leave")
    visit.reload_as("zh")
    expect(page.locator(".answer")).to_contain_text("30 days of annual leave")
    expect(page.locator("#index")).to_contain_text("版本")
    assert len(posts) == 1
    visit.check()


def test_an_earlier_version_answers_again(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(world.address)
    expect(page.locator("a.card[href='/knowledge/unbuilt']")).to_contain_text("not built yet")
    visit.shoot("knowledge-first-page")
    page.get_by_role("link", name="Knowledge").click()
    page.get_by_role("link", name="handbook").click()
    for version in (1, 2):
        page.get_by_role("button", name=f"Answer with {version}").click()
        expect(page.locator("#index .pairs strong")).to_have_text(str(version))
    page.get_by_role("link", name="中文").click()
    page.wait_for_url("**/knowledge/handbook")
    expect(page.locator("#index")).to_contain_text("版本")
    visit.check()
