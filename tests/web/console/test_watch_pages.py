"""The page of the watch as a browser gets it, and its buttons."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from parsed_page import ParsedPage

from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.watching.server_monitor import BEAT

TOKEN = "correct horse battery staple"
DRIFT = (0.0, 0.0, 1.0, 1.0)
PAGE = "/endpoints/churn/watch"
PARTS = "/console/endpoints/churn/watch"
SILENCES = f"{PARTS}/silences"
ZH = {"accept-language": "zh"}
HOSTILE = ("<img src=x onerror=alert(1)>\"'", "a\u202eb\x00c", "x" * 400)


@pytest.fixture
def firing(world: Any, scene: Any) -> list[str]:
    """Keys of the alerts that fire for ``churn``."""
    world.promoted()
    keys: list[str] = scene.fill(world.store, "churn", *DRIFT)
    assert len(keys) == 4
    return keys


def alert(world: Any, key: str) -> Any:
    book = AlertBook(world.store)
    book.refresh()
    return book.find(key)


async def test_alerts_come_first_with_all_a_person_needs(browse, firing: list[str]) -> None:
    page = ParsedPage((await browse().get(PAGE)).text)
    said = " ".join(page.text.split())
    assert "4 alerts fire" in said
    assert {f"alert-{key}" for key in firing} <= set(page.ids())
    for words in ("What moved", "Since", "How sure", "What to do next"):
        assert said.count(words) >= 3
    assert said.index("4 alerts fire") < said.index("What to do next") < said.index("PSI over time")
    assert len(page.ids()) == len(set(page.ids()))


async def test_an_alert_without_steps_of_its_own_gets_those_of_its_kind(
    browse, world, scene
) -> None:
    scene.trouble(world.store, "churn")
    said = (await browse().get(PAGE)).text
    assert "See whether it began with a release" in said
    assert "查看是否由发布引起" in (await browse().get(PAGE, headers=ZH)).text


async def test_links_of_messages_lead_to_the_alert(browse, firing: list[str]) -> None:
    async with browse() as client:
        whole = ParsedPage((await client.get("/endpoints/churn")).text)
        part = ParsedPage((await client.get("/console/endpoints/churn")).text)
    for page in (whole, part):
        assert {f"alert-{key}" for key in firing} <= set(page.ids())
        links = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
        assert {f"{PAGE}#alert-{key}" for key in firing} <= links
        assert PAGE in links


async def test_the_overview_says_how_each_endpoint_stands(browse, world, scene, firing) -> None:
    world.promoted("calm")
    world.promoted("new")
    scene.fill(world.store, "calm", 0.0)
    overview = (await browse().get("/")).text
    cards = {
        name: " ".join(ParsedPage(card).text.split())
        for card in overview.split('<a class="card')[1:]
        if (name := re.search(r"<h2>(\w+)</h2>", card)[1])  # type: ignore[index]
    }
    assert "critical monitoring: " in cards["churn"]
    assert "Input drift" in cards["churn"]
    assert "well monitoring" in cards["calm"]
    assert "monitoring" not in cards["new"]


async def test_versions_stand_side_by_side(browse, firing) -> None:
    page = ParsedPage((await browse().get(PAGE)).text)
    said = " ".join(page.text.split())
    assert "Versions side by side" in said
    table = said[said.index("Versions side by side") :].split("Traffic")[0]
    assert "1in production" in table.replace(" in", "in")
    assert "5,000" in table
    assert table.count("within chance") == 1  # errors
    assert table.count("worse") == 1  # p95
    zh = ParsedPage((await browse().get(PAGE, headers=ZH)).text).text
    assert "版本对比" in zh
    assert "更差" in zh


async def test_each_part_is_a_part_of_the_page(browse, firing) -> None:
    async with browse() as client:
        for path, name in ((PARTS, "watch"), (f"{PARTS}/found", "found"), (SILENCES, "silences")):
            part = (await client.get(path)).text
            assert part.strip().startswith(f'<div id="{name}"')
            assert "<html" not in part


async def test_a_part_that_did_not_change_is_sent_the_same(browse, firing) -> None:
    async with browse() as client:
        for path in (PARTS, f"{PARTS}/found", SILENCES):
            assert (await client.get(path)).text == (await client.get(path)).text


async def test_a_folded_column_is_fetched_when_it_is_opened(browse, world, make_scene) -> None:
    make_scene(n_columns=30).fill(world.store, "churn", 0.0)
    async with browse() as client:
        page = ParsedPage((await client.get(PAGE)).text)
        later = [a["hx-get"] for _, a in page.tags if "/column?" in (a.get("hx-get") or "")]
        assert len(later) == 33 - 12
        part = await client.get(later[0])
    assert part.status_code == 200
    assert 'class="overlay"' in part.text
    assert "<html" not in part.text


@pytest.mark.parametrize(
    "asked", ["", "?version=1&of=features&name=zzz", "?version=9&of=features&name=age",
              "?version=1&of=alarm&name=age", "?version=1&of=__class__&name=age"]
)  # fmt: skip
async def test_a_column_that_is_not_there_is_said_to_be_missing(asked: str, browse, firing) -> None:
    assert (await browse().get(f"{PARTS}/column{asked}")).status_code == 404


async def test_an_unknown_endpoint_is_a_page_that_says_so(browse) -> None:
    async with browse() as client:
        for path in ("/endpoints/none/watch", "/console/endpoints/none/watch/found"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert "There is nothing here." in answer.text


async def test_the_names_and_values_of_others_are_text(browse, world, make_scene) -> None:
    make_scene(names=HOSTILE, n_columns=30).fill(world.store, "churn", *DRIFT)
    async with browse() as client:
        page = await client.get(PAGE)
        parsed = ParsedPage(page.text)
        for path in [a["hx-get"] for _, a in parsed.tags if "/column?" in (a.get("hx-get") or "")]:
            assert (await client.get(path)).status_code == 200
    assert not {tag for tag, _ in parsed.tags} & {"img", "style"}
    assert "\u202e" not in page.text
    assert "\x00" not in page.text
    for tag, attributes in parsed.tags:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "script" or attributes.get("src")
    assert "unsafe" not in page.headers["content-security-policy"]


async def test_somebody_cares_and_it_is_told_to_all(browse, world, firing: list[str]) -> None:
    async with browse() as client:
        answer = await client.post(f"{PARTS}/alerts/{firing[0]}/acknowledge")
        assert "In the hands of" in answer.text
        found = " ".join(ParsedPage((await client.get(f"{PARTS}/found")).text).text.split())
    assert alert(world, firing[0]).acknowledged_by == "console"
    assert "In the hands of console" in found


async def test_an_alert_that_is_closed_is_history(browse, world, firing: list[str]) -> None:
    async with browse() as client:
        answer = await client.post(f"{PARTS}/alerts/{firing[0]}/close")
        assert f"alert-{firing[0]}" not in answer.text
        found = (await client.get(f"{PARTS}/found")).text
        zh = (await client.get(f"{PARTS}/found", headers=ZH)).text
    assert alert(world, firing[0]).phase == "resolved"
    assert "closed in the console (console)" in found
    assert "在控制台关闭" in zh


@pytest.mark.parametrize("wish", ["acknowledge", "close", "explode"])
async def test_what_cannot_be_done_is_explained(wish: str, browse, firing) -> None:
    answer = await browse().post(f"{PARTS}/alerts/0000/{wish}")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text


async def test_of_two_that_close_an_alert_at_once_one_is_told_it_is_closed(
    browse, firing: list[str]
) -> None:
    path = f"{PARTS}/alerts/{firing[0]}/close"
    async with browse() as client:
        answers = await asyncio.gather(*(client.post(path) for _ in range(4)))
    told = [answer for answer in answers if "only a firing one can be closed" in answer.text]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(told) == 3


async def test_a_silence_is_begun_listed_and_ended(browse, world, firing) -> None:
    form = {"kind": "latency", "for_s": "3600", "why": "a load test <b>"}
    async with browse() as client:
        begun = await client.post(SILENCES, data=form)
        assert "Latency" in begun.text
        assert "a load test &lt;b&gt;" in begun.text
        ended = await client.post(f"{PARTS}/silences/1/end")
    assert "People are told of every alert." in ended.text


async def test_a_silence_of_the_console_is_of_one_endpoint_whatever_its_name(
    browse, world, scene
) -> None:
    for name in ("a*", "ab"):
        world.promoted(name)
        scene.trouble(world.store, name)
    async with browse() as client:
        await client.post("/console/endpoints/a*/watch/silences", data={"for_s": "60", "why": "x"})
    book = AlertBook(world.store)
    book.refresh()
    [silence] = book.silences(datetime.now(UTC))
    fits = {one.labels.endpoint for one in book.alerts() if silence.matcher.fits(one)}
    assert fits == {"a*"}


@pytest.mark.parametrize("for_s", ["", "soon", "0", "-5", "nan", "inf", "1e99"])
async def test_a_silence_of_no_time_is_refused(for_s: str, browse, firing) -> None:
    answer = await browse().post(SILENCES, data={"for_s": for_s, "why": "x"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert "People are told of every alert." in answer.text


async def test_a_silence_nobody_knows_is_not_ended(browse, firing) -> None:
    assert "There is no silence" in (await browse().post(f"{PARTS}/silences/77/end")).text


BUTTONS = [
    "alerts/{key}/acknowledge",
    "alerts/{key}/close",
    "silences",
    "silences/1/end",
]


@pytest.mark.parametrize("button", BUTTONS)
@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"token": TOKEN}, {}),
        ({"token": TOKEN}, {"authorization": "Bearer wrong"}),
        ({"address": "192.0.2.7"}, {}),
        ({}, {"origin": "https://evil.example"}),
    ],
)
async def test_buttons_are_for_those_who_may(
    button: str, options: dict[str, str], headers: dict[str, str], browse, world, firing: list[str]
) -> None:
    path = f"{PARTS}/{button.format(key=firing[0])}"
    answer = await browse(**options).post(path, headers=headers, data={"for_s": "60", "why": "x"})
    assert answer.status_code in (401, 403)
    assert alert(world, firing[0]).phase == "firing"
    assert alert(world, firing[0]).acknowledged_by is None


async def test_with_a_token_nothing_is_shown_before_the_log_in(browse, firing) -> None:
    async with browse(token=TOKEN) as client:
        for path in (PAGE, PARTS, f"{PARTS}/found", SILENCES, f"{PARTS}/column"):
            page = await client.get(path)
            assert page.status_code == 403
            assert "income" not in page.text


async def test_the_chinese_page_has_no_english_sentence(browse, world, firing) -> None:
    async with browse() as client:
        await client.post(f"{PARTS}/alerts/{firing[0]}/close")
        said = ParsedPage((await client.get(PAGE, headers=ZH)).text).text.lower()
    for english in ("missing", "expected", "columns", "since", "rows", "alert", "firing", "level"):
        assert english not in said, english


async def test_an_endpoint_that_was_never_judged_says_what_is_under_way(browse, world) -> None:
    world.promoted()
    page = (await browse().get(PAGE)).text
    assert "No window was judged yet." in page
    assert "No monitor runs on this store" in page
    assert "Nothing was looked at yet." in page


async def test_old_evidence_and_what_is_not_watched_are_said_in_both_languages(
    browse, world, firing: list[str]
) -> None:
    labels = Labels(endpoint="churn", kind="errors")
    old = Finding(labels=labels, level=Level.WARNING, what=Phrase("Errors.", "错误。"))
    AlertBook(world.store).observe([old], now=datetime.now(UTC) - timedelta(hours=9))
    trouble = {"about": "labels", "problem": "The file inbox.db is damaged."}
    beat = dict(world.store.present(BEAT)[0].data)
    world.store.beat(BEAT, beat | {"troubles": {"churn": [trouble]}})
    for header, marked, aged in (
        ({}, "Not watched", "about 9 h old, of "),
        (ZH, "未被监控", "约 9 小时前"),
    ):
        page = ParsedPage((await browse(headers=header).get(PAGE)).text)
        said = " ".join(page.text.split())
        assert f"{marked} labels" in said
        assert "The file inbox.db is damaged." in said
        assert said.count(aged) == 1  # the others were looked at just now
