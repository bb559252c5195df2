"""The pages as a browser gets them."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from parsed_page import ParsedPage

from seatrial.kernel.events import Draft
from seatrial.packaging.plan import elsewhere
from seatrial.registry.manifest import Framework
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import matrix_signature, only
from seatrial.web.console.model_pages import Shown

TOKEN = "correct horse battery staple"
HOSTILE = "<script>alert('x')</script>"


async def test_an_empty_console_says_how_to_begin(browse) -> None:
    page = await browse().get("/")
    assert page.status_code == 200
    assert "Nothing is deployed yet." in page.text
    assert "seatrial deploy model.pkl" in page.text


async def test_the_overview_links_every_endpoint(browse, world) -> None:
    world.promoted("churn")
    world.promoted("price")
    page = ParsedPage((await browse().get("/")).text)
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert {"/endpoints/churn", "/endpoints/price"} <= set(links)


async def test_an_endpoint_shows_evidence_traffic_and_history(browse, world) -> None:
    world.on_trial()
    page = ParsedPage((await browse().get("/endpoints/churn")).text)
    assert "500 requests" in page.text
    assert "Error rate against stable" in page.text
    assert "inconclusive" in page.text
    assert "canary step entered" in page.text
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 6  # five gates and the sign
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {"endpoint", "history", "promote", "abort"} <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "canary: skipped, nothing to compare with"),
        ("zh", "金丝雀：已跳过，没有可对比的版本"),
    ],
)
async def test_a_first_version_is_not_said_to_have_passed_a_canary(
    language: str, said: str, browse, world
) -> None:
    world.promoted("churn")
    async with browse() as client:
        await client.get(f"/console/language/{language}?back=/")
        page = (await client.get("/endpoints/churn")).text
    assert f'<li class="canary skipped">{said}</li>' in page
    assert 'class="canary passed"' not in page


@pytest.mark.parametrize(
    ("says", "language", "told"),
    [
        (None, "en", "no server asks it"),
        ("ready", "en", "it says it is ready"),
        ("silent", "en", "it has not answered since <time"),
        ("absent", "zh", "</time> 起引擎里没有这个模型"),
    ],
)
async def test_an_engine_elsewhere_is_shown_as_it_says_itself(
    says: str | None, language: str, told: str, browse, world
) -> None:
    world.promoted("churn")
    world.models = lambda *_: Shown(
        framework=Framework(name="onnx", version="1"),
        signature=matrix_signature(),
        plan=elsewhere(only(EngineKind.ONNX), "gpu"),
    )
    seen = {"says": says, "since": "2026-11-27T12:00:05+00:00"}
    world.store.beat("worker/s/0", {"engines": {"churn": {"1": seen}} if says else {}})
    async with browse() as client:
        await client.get(f"/console/language/{language}?back=/")
        page = (await client.get("/endpoints/churn")).text
    assert told in page
    assert ('datetime="2026-11-27T12:00:05+00:00"' in page) == (says in ("silent", "absent"))


async def test_fragments_are_the_parts_of_the_page_and_no_more(browse, world) -> None:
    world.on_trial()
    async with browse() as client:
        part = (await client.get("/console/endpoints/churn")).text
        history = (await client.get("/console/endpoints/churn/history")).text
        overview = (await client.get("/console/overview")).text
    for fragment, start in ((part, '<div id="endpoint"'), (history, '<section id="history"')):
        assert fragment.strip().startswith(start)
        assert "<html" not in fragment
    assert overview.startswith('<div id="overview"')


async def test_a_release_that_is_over_offers_no_decision(browse, world) -> None:
    world.on_trial()
    async with browse() as client:
        await client.post("/console/endpoints/churn/abort")
        page = (await client.get("/endpoints/churn")).text
    assert 'id="abort"' not in page
    assert 'id="promote"' not in page
    assert "aborted by a person" in page


async def test_a_failed_staging_is_shown_with_its_tests(browse, world) -> None:
    world.start("churn", 1)
    world.tick("churn", passed=False)
    page = (await browse().get("/endpoints/churn")).text
    assert "rejected" in page
    assert "&lt;b&gt;fine&lt;/b&gt;" in page


async def test_hostile_names_and_reasons_are_text(browse, world) -> None:
    world.on_trial(HOSTILE)
    world.desk.abort(HOSTILE, by=HOSTILE, reason=HOSTILE)
    async with browse() as client:
        pages = [await client.get("/"), await client.get("/console/overview")]
    for page in pages:
        inline = [a for tag, a in ParsedPage(page.text).tags if tag == "script" and "src" not in a]
        assert inline == []


@pytest.mark.parametrize(
    "path", ["endpoints/{}", "console/endpoints/{}", "console/endpoints/{}/history"]
)
async def test_a_hostile_name_is_text_on_its_own_page(path: str, browse, world) -> None:
    name = "<img src=x onerror=alert(1)>\"'"
    world.on_trial(name)
    world.desk.abort(name, by="<u>", reason="<script>1</script>")
    page = await browse().get("/" + path.format("%3Cimg src=x onerror=alert(1)%3E%22'"))
    parsed = ParsedPage(page.text)
    assert page.status_code == 200
    assert not parsed.names() & {"img", "u", "i", "b"}
    assert all("onerror" not in attributes for _, attributes in parsed.tags)
    assert "<script>1" not in page.text


async def test_an_unknown_endpoint_is_a_page_with_404_and_its_name_as_text(browse) -> None:
    page = await browse().get("/endpoints/%3Cscript%3E")
    assert page.status_code == 404
    assert "There is no endpoint" in page.text
    assert "<script>'" not in page.text


async def test_pages_allow_no_foreign_script_and_no_frame(browse, world) -> None:
    world.on_trial()
    page = await browse().get("/endpoints/churn")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    parsed = ParsedPage(page.text)
    for tag, attributes in parsed.tags:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "action", "hx-get", "hx-post"):
            value = attributes.get(name)
            assert value is None or re.match(r"/(?!/)|data:image/svg", value), value


async def test_only_known_static_files_are_served(browse) -> None:
    async with browse() as client:
        assert (
            (await client.get("/console/static/console.css"))
            .headers["content-type"]
            .startswith("text/css")
        )
        for path in ("pages.py", "..%2Fpages.py", "%2e%2e/pages.py", "VENDORED.md"):
            assert (await client.get(f"/console/static/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9", "zh"), ("fr,de", "en"), ("fr,zh-TW;q=0.5,en;q=0.1", "zh")],
)
async def test_the_language_is_the_browsers_first_known_one(
    accepted: str, language: str, browse
) -> None:
    page = await browse().get("/", headers={"accept-language": accepted})
    assert f'<html lang="{language}">' in page.text


async def test_the_language_chosen_is_kept_in_a_cookie(browse) -> None:
    async with browse() as client:
        answer = await client.get("/console/language/zh?back=/endpoints/churn")
        assert (answer.status_code, answer.headers["location"]) == (303, "/endpoints/churn")
        page = await client.get("/", headers={"accept-language": "en"})
    assert '<html lang="zh">' in page.text


async def test_an_unknown_language_is_not_kept(browse) -> None:
    async with browse() as client:
        answer = await client.get("/console/language/xx")
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", ""]
)
async def test_nobody_is_sent_to_another_site(back: str, browse) -> None:
    answer = await browse().get("/console/language/en", params={"back": back})
    assert answer.headers["location"] == "/"


async def test_chinese_pages_have_no_english_sentence(browse, world) -> None:
    world.on_trial(n=5000)
    zh = {"accept-language": "zh"}
    async with browse() as client:
        await client.post("/console/endpoints/churn/abort")
        page = (await client.get("/endpoints/churn", headers=zh)).text
    text = ParsedPage(page).text
    assert "人工中止" in text
    assert "1 项测试通过" in text
    assert "错误率（相对稳定版本）" in text
    for english in ("requests", "error rate", "aborted", "tests passed", "waits", "version"):
        assert english not in text.lower(), english


async def test_promote_gives_all_traffic_and_says_so_at_once(browse, world) -> None:
    world.on_trial()
    answer = await browse().post("/console/endpoints/churn/promote")
    assert answer.status_code == 200
    assert answer.headers["hx-trigger"] == "decided"
    assert world.desk.state("churn").stable == 2
    assert "Roll back to version 1" in " ".join(ParsedPage(answer.text).text.split())


async def test_rollback_returns_to_the_version_before(browse, world) -> None:
    world.on_trial()
    async with browse() as client:
        await client.post("/console/endpoints/churn/promote")
        await client.post("/console/endpoints/churn/rollback")
    assert world.desk.state("churn").stable == 1


async def test_a_decision_that_comes_too_late_is_explained_and_changes_nothing(
    browse, world
) -> None:
    world.on_trial()
    async with browse() as client:
        await client.post("/console/endpoints/churn/abort")
        answer = await client.post("/console/endpoints/churn/promote")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert "aborted already" in answer.text
    assert world.desk.state("churn").stable == 1


async def test_an_unknown_wish_changes_nothing(browse, world) -> None:
    world.on_trial()
    before = world.desk.state("churn").revision
    answer = await browse().post("/console/endpoints/churn/explode")
    assert 'role="alert"' in answer.text
    assert world.desk.state("churn").revision == before


async def test_with_a_token_nothing_is_shown_before_the_log_in(browse, world) -> None:
    world.on_trial()
    async with browse(token=TOKEN) as client:
        for path in ("/", "/endpoints/churn", "/console/overview", "/console/endpoints/churn"):
            page = await client.get(path)
            assert page.status_code == 403
            assert 'type="password"' in page.text
            assert "500 requests" not in page.text
        assert (await client.post("/console/endpoints/churn/promote")).status_code in (401, 403)
    assert world.desk.state("churn").stable == 1


async def test_the_right_token_opens_the_console_with_a_careful_cookie(browse, world) -> None:
    world.on_trial()
    async with browse(token=TOKEN) as client:
        answer = await client.post("/console/login", data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await client.get("/endpoints/churn")).status_code == 200
        assert (await client.post("/console/endpoints/churn/promote")).status_code == 200
    assert world.desk.state("churn").stable == 2


@pytest.mark.parametrize("given", ["", "wrong", TOKEN + " ", "密码", "x" * 20_000])
async def test_a_wrong_token_is_refused_without_a_cookie(given: str, browse) -> None:
    answer = await browse(token=TOKEN).post("/console/login", data={"token": given})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "This is not the token." in answer.text


async def test_without_a_token_no_log_in_ever_succeeds(browse) -> None:
    answer = await browse().post("/console/login", data={"token": ""})
    assert answer.status_code == 403


async def test_without_a_token_another_machine_sees_nothing(browse, world) -> None:
    world.on_trial()
    async with browse(address="192.0.2.7") as client:
        assert (await client.get("/endpoints/churn")).status_code == 403
        assert (await client.post("/console/endpoints/churn/promote")).status_code == 403
    assert world.desk.state("churn").stable == 1


async def test_a_page_of_another_site_may_not_press_buttons(browse, world) -> None:
    world.on_trial()
    answer = await browse().post(
        "/console/endpoints/churn/promote", headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert world.desk.state("churn").stable == 1


async def test_an_endpoint_that_stands_still_says_why_and_has_no_buttons(browse, world) -> None:
    world.on_trial()
    world.promoted("price")
    world.store.append(
        "endpoint/churn",
        [Draft(kind="evidence.recorded", data={"judgement": "good"})],
        expected=world.desk.state("churn").revision,
    )
    page = ParsedPage((await browse().get("/endpoints/churn")).text)
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert "blocked" in ids
    assert not ids & {"promote", "abort", "rollback"}
    assert "Stands still." in page.text
    assert "Restore the store from a backup" in page.text
    assert "not read" in page.text
    overview = (await browse().get("/")).text
    assert overview.count("Stands still") == 1
    chinese = (await browse().get("/endpoints/churn", headers={"accept-language": "zh"})).text
    assert "已停滞" in chinese
    pressed = await browse().post("/console/endpoints/churn/promote")
    assert pressed.status_code == 200
    assert "cannot be read" in pressed.text


async def test_the_staging_report_of_a_version_is_a_page_that_the_release_links_to(
    browse, world
) -> None:
    world.promoted()
    async with browse() as client:
        release = ParsedPage((await client.get("/endpoints/churn")).text)
        links = {a.get("id"): a.get("href") for tag, a in release.tags if tag == "a"}
        page = await client.get(links["staging-report"])
    assert page.status_code == 200
    assert "&lt;b&gt;fine&lt;/b&gt;" in page.text
    hrefs = [a.get("href") for tag, a in ParsedPage(page.text).tags if tag == "a"]
    assert hrefs == [
        "/endpoints/churn",
        "/console/language/zh?back=/endpoints/churn/versions/1/staging",
    ]


async def test_the_staging_report_speaks_the_language_of_the_console(browse, world) -> None:
    world.promoted()
    path = "/endpoints/churn/versions/1/staging"
    async with browse() as client:
        await client.get("/console/language/zh")
        page = await client.get(path)
    assert '<html lang="zh">' in page.text
    assert "预发布测试" in page.text


async def test_the_staging_report_allows_its_own_style_and_nothing_else(browse, world) -> None:
    world.promoted()
    page = await browse().get("/endpoints/churn/versions/1/staging")
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    named = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"style-src 'sha256-{named}'" in policy
    assert "default-src 'none'" in policy
    assert "style=" not in page.text


@pytest.mark.parametrize("path", ["churn/versions/2", "churn/versions/9", "nobody/versions/1"])
async def test_a_version_without_a_report_is_a_page_with_404(path: str, browse, world) -> None:
    world.promoted()
    world.start("churn", 2)
    page = await browse().get(f"/endpoints/{path}/staging")
    assert page.status_code == 404
    assert "There is nothing here." in page.text


async def test_a_staging_report_is_for_those_who_may_see_the_console(browse, world) -> None:
    world.promoted()
    path = "/endpoints/churn/versions/1/staging"
    for client in (browse(token=TOKEN), browse(address="192.0.2.7")):
        page = await client.get(path)
        assert page.status_code == 403
        assert "fine" not in page.text


async def test_a_prompt_shows_what_it_costs_and_how_it_does(browse, world) -> None:
    world.prompt_on_trial()
    text = (await browse().get("/endpoints/support")).text
    assert "clients ask for the model prompt/support" in text
    for measured in ("Cost of a request against stable", "Unparsed answers against stable"):
        assert measured in text
    assert "0.000006 USD" in text
    assert "0.00006 USD" in text
    assert "e-0" not in re.sub(r"<[^>]*>", "", text)
    chinese = (await browse(cookies={"seatrial_language": "zh"}).get("/endpoints/support")).text
    for measured in ("每个请求的费用（相对稳定版本）", "解析率", "失分（相对稳定版本）"):
        assert measured in chinese


async def test_a_model_shows_no_columns_of_prompts(browse, world) -> None:
    world.on_trial()
    text = (await browse().get("/endpoints/churn")).text
    assert "Cost of a request" not in text
    assert "prompt/churn" not in text
