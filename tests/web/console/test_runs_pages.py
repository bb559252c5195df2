"""The pages of trainings as a browser gets them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from parsed_page import ParsedPage

from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.desk import RunDesk
from seatrial.training.runs.failures import TrainingCrashed
from seatrial.training.runs.keeper import name_of
from seatrial.training.runs.run import Outcome

ZH = {"accept-language": "zh"}
HOSTILE = "<img src=x onerror=alert(1)>\"'"


@pytest.fixture
def runs(world: Any, tmp_path: Any) -> Any:
    """Appends runs to the console's store."""
    world.training = RunDesk(world.store)

    def fill(*some: Any, points: Any = ()) -> None:
        book = RunBook(world.store)
        for run in some:
            begun = replace(run, ending=None, latest={})
            over = [] if run.ending is None else [facts.ended(run.ending)]
            told = [facts.reported(list(points))] if points else []
            book.append(run.id, [facts.started(begun), *told, *over])

    fill.folder = tmp_path  # type: ignore[attr-defined]
    return fill


async def page(browse: Any, path: str, headers: Any = None) -> Any:
    async with browse() as client:
        return await client.get(path, headers=headers)


async def test_without_runs_the_page_says_how_to_begin(browse, runs) -> None:
    assert "/runs" not in (await page(browse, "/")).text
    found = (await page(browse, "/runs")).text
    assert "Nothing was trained yet." in found
    assert "seatrial train" in found


async def test_runs_are_listed_and_lead_to_their_pages(browse, runs) -> None:
    good, bad = ended(a_run(runs.folder, id="good"), loss=0.25), a_run(runs.folder, id="bad")
    crashed = ended(bad, Outcome.CRASHED)
    runs(good, crashed, replace(a_run(runs.folder, id="gone"), name="fraud"))
    found = await page(browse, "/runs")
    hrefs = [
        attributes.get("href") for tag, attributes in ParsedPage(found.text).tags if tag == "a"
    ]
    assert {"/runs/good", "/runs/bad", "/runs/gone", "/runs?name=fraud"} <= set(hrefs)
    for said in ("0.25", "finished", "failed", "crashed", "interrupted"):
        assert said in found.text
    assert "/runs/good" not in (await page(browse, "/runs?name=fraud")).text
    assert "/runs" in (await page(browse, "/")).text


async def test_a_run_shows_what_it_was_in_both_languages(browse, runs) -> None:
    runs(ended(a_run(runs.folder), loss=0.25), points=losses([1.0, 0.5, 0.25]))
    english = (await page(browse, "/runs/churn-1")).text
    chinese = (await page(browse, "/runs/churn-1", ZH)).text
    assert "<polyline" in english
    for said in ("loss over steps", "Hyperparameters", "seatrial deploy", "commit c0ffee"):
        assert said in english
    for said in ("超参数", "训练数据", "提交 c0ffee", "另有未提交的改动", "与恒定答案相比"):
        assert said in chinese
    ids = ParsedPage(english).ids()
    assert len(ids) == len(set(ids))


async def test_a_failure_stands_first_with_what_to_do(browse, runs) -> None:
    run = ended(a_run(runs.folder), Outcome.CRASHED)
    error = TrainingCrashed("It raised ValueError.", remedy="Read the log.").as_dict()
    assert run.ending is not None
    runs(replace(run, ending=replace(run.ending, error=error)))
    found = (await page(browse, "/runs/churn-1")).text
    assert "It raised ValueError." in found
    assert "Read the log." in found
    assert "seatrial deploy" not in found
    chinese = (await page(browse, "/runs/churn-1", ZH)).text
    assert "训练失败。（原文：It raised ValueError.）" in chinese


async def test_a_run_that_goes_on_is_refreshed_and_shows_how_far_it_is(browse, runs, world) -> None:
    runs(a_run(runs.folder))
    world.store.beat(name_of("churn-1"), {"seconds": 3.0, "step": 2, "of": 10})
    found = (await page(browse, "/runs/churn-1")).text
    assert 'hx-get="/console/runs/churn-1"' in found
    assert '<progress max="10" value="2">' in found
    part = await page(browse, "/console/runs/churn-1")
    assert part.status_code == 200
    assert "<html" not in part.text


async def test_a_search_shows_its_trials_and_deploys_its_best(browse, runs) -> None:
    search = ended(a_run(runs.folder, id="s"), loss=0.1)
    assert search.ending is not None
    search = replace(search, ending=replace(search.ending, best="s.0", model="", artefacts=()))
    runs(search, ended(a_run(runs.folder, id="s.0", parent="s"), loss=0.1))
    found = (await page(browse, "/runs/s")).text
    assert "/runs/s.0" in found
    assert ">best<" in found
    assert "/s.0/out/model.pkl" in found
    assert 'href="/runs/s"' in (await page(browse, "/runs/s.0")).text


async def test_a_run_leads_to_the_version_that_was_released_of_it(browse, runs, world) -> None:
    world.promoted("churn")
    run = ended(a_run(runs.folder))
    assert run.ending is not None
    runs(replace(run, ending=replace(run.ending, bundle=f"{1:064x}")))
    found = (await page(browse, "/runs/churn-1")).text
    assert 'href="/endpoints/churn"' in found
    assert "seatrial deploy" not in found


async def test_two_runs_stand_beside_each_other(browse, runs) -> None:
    one = ended(a_run(runs.folder, id="a"), loss=0.5)
    runs(one, replace(ended(a_run(runs.folder, id="b"), loss=0.25), seed=8))
    found = await page(browse, "/runs/a/beside?run=b")
    for said in ("0.5", "0.25", "Seed", "/runs/a", "/runs/b"):
        assert said in found.text
    assert (await page(browse, "/runs/a/beside?run=zzz")).status_code == 404
    assert (await page(browse, "/runs/zzz")).status_code == 404


async def test_names_of_others_are_text(browse, runs) -> None:
    run = replace(
        ended(a_run(runs.folder, id="h"), loss=1.0),
        name=HOSTILE,
        program=HOSTILE,
        parameters={HOSTILE: HOSTILE},
    )
    runs(run)
    for path in ("/runs", "/runs/h"):
        found = (await page(browse, path)).text
        assert "<img" not in found
        assert "img" not in ParsedPage(found).names()
